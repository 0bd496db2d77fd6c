"""What the core needs from the world, as protocols that adapters (and the tests' fakes) fulfil."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ptybridge.core.identity import Identity
from ptybridge.core.screen import Screen, ScreenOwner
from ptybridge.core.values import ExitStatus, WindowSize


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Make it not happen. Idempotent."""


class Clock(Protocol):
    """Monotonic time in seconds; an event loop is one."""

    def time(self) -> float:
        """Now."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` after ``delay`` seconds."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to start.

    Attributes:
        argv: The program, looked up in ``env``'s ``PATH``, and its arguments.
        env: The child's whole environment.
        size: The pseudo-terminal's size before the program starts.
        cwd: Where it starts; None is the server's own working directory.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    size: WindowSize
    cwd: str | None = None


class Job(Protocol):
    """Work that was given away."""

    def wait(self) -> BaseException | None:
        """Wait until it is done; what it raised. Blocks: for work of milliseconds only."""


class Workers(Protocol):
    """Threads beside the event loop, for work that leaves the interpreter free meanwhile."""

    def submit(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> Job:
        """Run ``work`` in a thread; ``done`` is called on the event loop later, with what it
        raised, also when somebody has waited for the job.
        """  # noqa: D205


MakeScreen = Callable[[WindowSize, ScreenOwner], Screen]
"""Makes the screen of a new terminal; raises ScreenUnavailable where there can be none."""


class PtyOwner(Protocol):
    """Who is told what happens on a pseudo-terminal; called from the event loop only."""

    def on_readable(self) -> None:
        """Output may be read now; called again each loop turn while some is left."""

    def on_input_taken(self) -> None:
        """Input queued by an earlier ``write`` has reached the program: see ``input_taken``."""

    def on_exit(self, status: ExitStatus) -> None:
        """The child has ended. Called once; what it wrote can still be read."""


class Pty(Protocol):
    """A pseudo-terminal with a program behind it.

    Attributes:
        pid: The child's process id, which is its session's and process group's too.
        is_eof: No more output can come: every descriptor of the other side is closed.
        input_queued: Bytes of input accepted by ``write`` since the start.
        input_taken: How many of those the kernel has taken.
    """

    @property
    def pid(self) -> int: ...  # noqa: D102 - see Attributes
    @property
    def is_eof(self) -> bool: ...  # noqa: D102 - see Attributes
    @property
    def input_queued(self) -> int: ...  # noqa: D102 - see Attributes
    @property
    def input_taken(self) -> int: ...  # noqa: D102 - see Attributes

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        """Fill ``buffers`` in order with what is there, until they are full or it is not.

        Returns:
            How many bytes were read; 0 when there is nothing now.
        """

    def write(self, data: bytes | memoryview) -> None:
        """Give ``data`` to the program, queueing what it does not take at once.

        Never waits: if a reader of acknowledgements waited here, a child that is itself
        waiting for its output to drain would deadlock with us.

        Raises:
            LimitReached: The child has left too much input unread; nothing was written.
        """

    def drop_input(self, start: int, end: int) -> int:
        """Take back queued input that the kernel has not taken yet.

        Args:
            start: How many bytes had been queued before the first one to drop.
            end: How many had been queued with the last one to drop.

        Returns:
            How many were dropped; ``input_queued`` is that much smaller now.
        """

    def resize(self, size: WindowSize) -> None:
        """Change the size; the program gets SIGWINCH when it differs."""

    def pause_reading(self) -> None:
        """Stop calling ``on_readable``; the kernel then blocks the child. Idempotent."""

    def resume_reading(self) -> None:
        """Call ``on_readable`` when there is output. Idempotent."""

    def hang_up(self) -> None:
        """Begin to end the program: SIGHUP, a grace, SIGKILL. Idempotent; on_exit follows."""

    def close(self) -> None:
        """Give the descriptor up. Idempotent."""


class PtySpawner(Protocol):
    """Starts programs on pseudo-terminals."""

    async def spawn(self, launch: Launch, owner: PtyOwner) -> Pty:
        """Start a program; reading is paused until the owner resumes it.

        Raises:
            PtyError: It cannot be started; the message names what is wrong.
        """


class Authenticator(Protocol):
    """Knows who is asking; every check takes the same time whatever it finds."""

    def authenticate(self, token: str) -> Identity | None:
        """Whose token this is; None if nobody's."""

    def issue_cookie(self, identity: Identity) -> str:
        """Make the value of a login cookie."""

    def check_cookie(self, value: str) -> Identity | None:
        """Whose login cookie this is; None if it is forged or too old."""

    def issue_ticket(self, identity: Identity) -> str:
        """Make a ticket, good once and shortly.

        Raises:
            LimitReached: Too many are outstanding.
        """

    def redeem_ticket(self, ticket: str) -> Identity | None:
        """Whose ticket this was; None if it was used, is too old, or never was one."""
