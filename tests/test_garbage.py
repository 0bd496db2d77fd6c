"""No pause of the collector is felt, and what is garbage does not stay."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from ptybridge.cli import garbage


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
