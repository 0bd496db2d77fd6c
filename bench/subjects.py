"""What every measured program is to the figures: something that shows a terminal to viewers.

Figures know these protocols only, so that the floor, ptybridge and the peer are measured by the
same code.
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from bench.websocket import WebSocket

ROWS, COLS = 24, 80
"""The size of every terminal, in character cells."""

READY = b"program-is-ready"
"""What each measured program prints when it has set its terminal up."""


class Unmeasured(Exception):
    """A figure could not be taken; the text says why."""


class Viewer(Protocol):
    """One viewer of a terminal. Every call blocks; ``limit_to`` bounds the whole."""

    def send(self, data: bytes) -> None:
        """Type ``data``."""

    def receive(self) -> memoryview:
        """The next output, never empty, good until the next call.

        It is in the form that the wire has: newlines may be escaped (``Subject.newline_bytes``).
        Calling again says that the output before has been rendered.
        """


@runtime_checkable
class Selectable(Viewer, Protocol):
    """A viewer that can be waited for together with others (select(2))."""

    def fileno(self) -> int:
        """The descriptor on which its output comes."""

    @property
    def has_more(self) -> bool:
        """Whether ``receive`` has something left of what came, for which nothing is to be read."""


class Terminal(Protocol):
    """One running program and who serves it."""

    def view(self) -> AbstractContextManager[Viewer]:
        """Add a viewer; the program is started at the latest now."""

    def cpu_seconds(self) -> float:
        """CPU time, user and system, that serving it has taken; without the program's own."""


class Subject(Protocol):
    """One of the things that are compared.

    Attributes:
        name: Its name in tables.
        newline_bytes: Bytes that one newline of the program takes in what viewers receive.
    """

    name: str
    newline_bytes: int

    def open(self, script: str) -> AbstractContextManager[Terminal]:
        """Run ``script`` by ``sh`` in a new terminal."""


@runtime_checkable
class Talking(Protocol):
    """A subject whose sessions have a channel on which people talk.

    Attributes:
        name: Its name in tables.
    """

    name: str

    def join(self, session: str | None) -> "WebSocket":
        """A connection that follows ``session`` or, for None, no session; nothing is unread."""

    def cpu_seconds(self) -> float:
        """CPU time, user and system, that it has taken."""


class Serving(Protocol):
    """How a subject is started for a run."""

    def __call__(self) -> AbstractContextManager[Subject]:
        """Start what has to run for the whole time."""


def argv(script: str) -> Sequence[str]:
    """The command that runs ``script``, the same for all subjects."""
    return ("/bin/sh", "-c", script)


def receive_until(viewer: Viewer, marker: bytes) -> int:
    """Receive until ``marker`` has come; how many bytes came in all."""
    count = 0
    end = b""
    while True:
        data = viewer.receive()
        count += len(data)
        end = end[1 - len(marker) :] + bytes(data)
        if marker in end:
            return count


@contextmanager
def limit_to(seconds: float, what: str) -> Iterator[None]:
    """Interrupt the block, also in a system call, when it takes longer.

    Raises:
        Unmeasured: It has taken longer.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Unmeasured(f"{what}: no end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
