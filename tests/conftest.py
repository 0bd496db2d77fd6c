"""What all tests share: the event loop of the server, and how hard properties are tried."""

import asyncio
import os
from collections.abc import Callable
from types import ModuleType

import pytest
import uvloop
from hypothesis import settings

# Without deadlines: how long an example takes says more about the machine than about the code.
settings.register_profile("thorough", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=25)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "thorough"))


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


WHOLE = {"tests.server", "tests.people", "tests.test_cli", "ptybridge.adapters.spawner"}
"""Modules whose parts start a whole server, its spawner, or the command line as a process."""


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of modules that have something of those, and begin with the longest modules.

    What is begun last should be short: the other processes have nothing to do beside it.
    """
    modules: dict[ModuleType, bool] = {}
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    for item in items:
        if isinstance(item, pytest.Function):
            module = item.module
            if module not in modules:
                parts = vars(module).values()
                modules[module] = any(getattr(part, "__module__", None) in WHOLE for part in parts)
            if modules[module]:
                item.add_marker(pytest.mark.server)

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("browser"):
            return 1
        return 0 if item.path in slow else 2

    items.sort(key=turn)
