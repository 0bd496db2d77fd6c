"""The three scenarios of real use, with clients written from docs/wire.md alone."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests import scenarios
from tests.server import TOKEN, running
from tests.test_node_client import PACKAGES, output_of

NODE = Path(__file__).parent / "node"


@pytest.mark.parametrize(
    "scenario", [scenarios.two_people, scenarios.interactive, scenarios.interrupted]
)
async def test_in_python(scenario: Callable[[scenarios.Open], Awaitable[None]]) -> None:
    async with running() as server:
        await scenario(lambda path: server.http.ws_connect(server.url(path)))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["twoPeople", "interactive", "interrupted"])
async def test_in_node(scenario: str) -> None:
    await output_of("make", "--silent", PACKAGES)
    async with running() as server:
        command = ("node", str(NODE / "scenario.mjs"), server.url("/"), TOKEN, scenario)
        assert await output_of(*command) == f"{scenario}: ok\n".encode()
