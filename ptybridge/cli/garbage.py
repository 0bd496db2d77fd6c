"""When garbage is collected: so that no pause is felt, and memory that was needed is given back.

A full collection looks at everything there is: with 10,000 connections for 50 to 100 ms, in which
no key is echoed, and Python runs one whenever a quarter more has lasted. But what ends here
(connections, viewers, terminals) is freed by its reference count, for its cycles are cut when it
ends, and cycles that are not, such as those of a request that was refused, are young when they are
dropped. So the young are collected as always, what there is from the start is never looked at, and
the old are when nobody is connected or, if that never is so, once an hour.

What was freed is not all given back to the system: the C library (terminals' screens, buffers)
keeps pages of which others still lie behind. It is asked for them when nobody is connected.
"""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable

SETTLING_SECONDS = 1.0
"""When, after the start, all is there that stays."""

LOOK_SECONDS = 10.0
"""Between two looks whether anybody is connected."""

FULL_SECONDS = 3600.0
"""Between two full collections while somebody is."""

NEVER = 1 << 30
"""A threshold that is not reached (gc.set_threshold)."""


def give_back() -> None:
    """Let the C library return pages that nothing is in (malloc_trim(3)), where it can.

    1 to 2 ms when 200 terminals have just gone, a tenth of that when nothing has.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it; musl and macOS do not
    if trim is not None:
        trim(ctypes.c_size_t(0))


def suspend() -> None:
    """Collect nothing while the server starts, which makes nothing but what stays."""
    gc.disable()


async def collect(
    is_idle: Callable[[], bool],
    *,
    settling: float = SETTLING_SECONDS,
    period: float = LOOK_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Collect until cancelled; ``is_idle`` says whether nobody is connected."""
    try:
        await asyncio.sleep(settling)
    finally:
        gc.enable()
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)
    collected_at = clock()
    while True:
        await asyncio.sleep(period)
        has_aged = gc.get_count()[2] > 0  # a collection of the young has let some grow old
        is_unused = is_idle()
        if has_aged and (is_unused or clock() - collected_at >= FULL_SECONDS):
            gc.collect()
            collected_at = clock()
        if is_unused:
            give_back()
