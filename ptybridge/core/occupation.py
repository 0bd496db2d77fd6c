"""What was started in a terminal, and what it is busy with."""

from dataclasses import dataclass

from ptybridge.core.description import Description
from ptybridge.core.ports import Pty


@dataclass(frozen=True, slots=True)
class Program:
    """What is started in a terminal, and where.

    Attributes:
        argv: The program and its arguments.
        cwd: Its first working directory; None is the server's own.
    """

    argv: tuple[str, ...]
    cwd: str | None


@dataclass(frozen=True, slots=True)
class Occupation:
    """What a terminal is busy with at a moment.

    Attributes:
        command: What runs, as the shell says or, where it does not, the name of the program in the
            foreground; None while the shell waits for a command, empty when it has no name.
        directory: Where, as the shell says or, where it does not, as the system does.
    """

    command: str | None
    directory: str | None


def occupation(said: Description, pty: Pty | None) -> Occupation:
    """What a terminal is busy with now; ``pty`` is None before its program runs."""
    command, directory = said.command, said.directory
    front, place = (None, None) if pty is None else (pty.foreground(), pty.directory())
    return Occupation(command or front or command, directory.path if directory else place)
