"""What all tests share: the event loop of the server, and how hard properties are tried."""

import asyncio
import os
from collections.abc import Callable

import uvloop
from hypothesis import settings

# Without deadlines: how long an example takes says more about the machine than about the code.
settings.register_profile("thorough", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=25)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "thorough"))


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
