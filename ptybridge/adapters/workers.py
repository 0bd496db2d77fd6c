"""Threads beside the event loop."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self

THREADS = 2
"""So that one terminal's flood does not hold up the other terminals' screens."""


class _ThreadJob:
    """A `ptybridge.core.ports.Job`."""

    __slots__ = ("_future",)

    def __init__(self, future: Future[None]) -> None:
        self._future = future

    def wait(self) -> BaseException | None:
        """Wait until it is done; what it raised."""
        wait((self._future,))
        return self._future.exception()


class ThreadWorkers:
    """`ptybridge.core.ports.Workers` as a pool of threads, for a running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="screen")

    def submit(
        self, work: Callable[[], None], done: Callable[[BaseException | None], None]
    ) -> _ThreadJob:
        """Run ``work`` in a thread and ``done`` on the loop after it."""
        future = self._pool.submit(work)

        def tell(ended: Future[None]) -> None:
            self._loop.call_soon_threadsafe(done, ended.exception())

        future.add_done_callback(tell)
        return _ThreadJob(future)

    def cpu_seconds(self) -> float:
        """How long the calling thread has worked (CLOCK_THREAD_CPUTIME_ID): others do not count."""
        return time.thread_time()

    async def __aenter__(self) -> Self:
        """Start; threads are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Wait for what is being done."""
        self._pool.shutdown()
