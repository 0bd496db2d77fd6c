"""No pause of the collector is felt, and what is garbage does not stay."""

import asyncio
import ctypes
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptybridge.cli import garbage
from ptybridge.core.viewer import Viewer
from ptybridge.server.connection import Connection
from tests.server import running

PAGES = 10_000
"""How many pages are freed with something behind each that stays."""


class Knot:
    """Something that holds itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def old_knot() -> "weakref.ref[Knot]":
    """A knot that is garbage, and that collections of the young do not see any more."""
    knot = Knot()
    gc.collect(0)
    gc.collect(1)
    return weakref.ref(knot)


async def freed(knot: "weakref.ref[Knot]") -> None:
    async with asyncio.timeout(5):
        while knot() is not None:
            await asyncio.sleep(0.01)


async def settled() -> None:
    async with asyncio.timeout(5):
        while gc.get_threshold()[2] != garbage.NEVER:
            await asyncio.sleep(0.01)


async def test_what_the_start_has_made_is_never_looked_at_again() -> None:
    garbage.suspend()
    assert not gc.isenabled()
    collector = asyncio.create_task(garbage.collect(lambda: False, settling=0))
    await settled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000
    collector.cancel()


async def test_the_old_are_looked_at_when_nobody_is_connected() -> None:
    is_idle = False
    now = 0.0
    collector = asyncio.create_task(
        garbage.collect(lambda: is_idle, settling=0, period=0.01, clock=lambda: now)
    )
    await settled()
    knot = old_knot()
    assert knot() is not None
    is_idle = True
    await freed(knot)
    collector.cancel()


async def test_the_old_are_looked_at_once_an_hour_at_least() -> None:
    now = 0.0
    collector = asyncio.create_task(
        garbage.collect(lambda: False, settling=0, period=0.01, clock=lambda: now)
    )
    await settled()
    knot = old_knot()
    now = garbage.FULL_SECONDS
    await freed(knot)
    collector.cancel()


async def test_a_start_that_fails_leaves_the_collector_on() -> None:
    garbage.suspend()
    collector = asyncio.create_task(garbage.collect(lambda: True, settling=60))
    await asyncio.sleep(0)
    collector.cancel()
    await asyncio.gather(collector, return_exceptions=True)
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
async def test_pages_that_nothing_is_in_are_given_back_when_nobody_is_connected() -> None:
    is_idle = False
    collector = asyncio.create_task(garbage.collect(lambda: is_idle, settling=0, period=0.01))
    await settled()
    taken = [bytes(size) for _ in range(PAGES) for size in (8000, 600)]
    kept = taken[1::2]
    del taken
    before = resident_pages()
    is_idle = True
    async with asyncio.timeout(5):
        while resident_pages() > before - PAGES // 2:
            await asyncio.sleep(0.01)
    assert len(kept) == PAGES
    collector.cancel()


def resident_pages() -> int:
    """Of this process, as the kernel counts them (proc_pid_statm(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1])


def living() -> set[int]:
    """The connections and viewers that take memory."""
    return {id(it) for it in gc.get_objects() if isinstance(it, Connection | Viewer)}


async def test_what_ends_is_freed_at_once_and_without_the_collector() -> None:
    async with running() as server:
        async with server.plain() as owner:
            terminal = await owner.open("sh", "-c", "stty raw -echo; exec cat")
        gc.collect()
        gc.disable()
        before = living()
        async with server.plain() as plain, server.binary() as binary:
            for client in (plain, binary):
                await client.attach(terminal)
            path = f"/api/sessions/main/events?terminalID={terminal}"
            async with server.http.get(server.url(path)) as stream:
                await stream.content.readuntil(b"event: attached")
                say = {"type": "say", "data": {"text": "x"}}
                url = server.url("/api/sessions/main/messages")
                assert (await server.http.post(url, json=say)).status == 200
            assert len(living() - before) >= 6
        async with asyncio.timeout(10):
            while living() - before:
                await asyncio.sleep(0.01)
