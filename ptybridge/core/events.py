"""What happens to a terminal, as values that its viewers are told in the stream's order."""

from dataclasses import dataclass

from ptybridge.core.values import ExitStatus, WindowSize


@dataclass(frozen=True, slots=True)
class Resized:
    """From ``offset`` on the program prints for another size."""

    size: WindowSize
    offset: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The program has ended; nothing follows."""

    status: ExitStatus


TerminalEvent = Resized | Exited


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Bytes that rebuild a terminal on a reset emulator.

    Attributes:
        offset: The stream offset that follows it.
        size: The size that the emulator must have.
        data: What it is to be fed with.
    """

    offset: int
    size: WindowSize
    data: bytes
