"""What the core needs from the world, as protocols that adapters (and the tests' fakes) fulfil."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ptybridge.core.identity import AuthMode, Identity
from ptybridge.core.screen import Screen, ScreenOwner
from ptybridge.core.shares import Share
from ptybridge.core.values import ExitStatus, Role, SessionId, WindowSize


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

    def cpu_seconds(self) -> float:
        """How long the thread that asks has worked: what to do elsewhere is told by that."""


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

    def read_into(
        self, buffers: Sequence[memoryview], follow: Callable[[int], None] | None = None
    ) -> int:
        """Fill ``buffers`` in order with what is there, until they are full or it is not.

        Args:
            buffers: Where to.
            follow: Called where much comes, in the middle of it, with the number of bytes since
                the last call: what it does takes no time from the program, which prints on.

        Returns:
            How many bytes were read in all; 0 when there is nothing now.
        """

    def read_once(self, buffer: memoryview) -> int:
        """Read into ``buffer`` what one read gives; how many bytes, 0 when there is nothing now."""

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

    def foreground(self) -> str | None:
        """The name of the program in the foreground (tcgetpgrp(3)).

        None while that is the child itself, after its end, and where it cannot be known.
        """

    def directory(self) -> str | None:
        """The working directory of what is in the foreground, to be shown; None where unknown."""

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
    """Knows who is asking; every check takes the same time whatever it finds.

    All it answers follows from its files as they are on disk, at most a moment ago.
    """

    @property
    def mode(self) -> AuthMode:
        """How people show who they are."""

    def authenticate(self, token: str) -> Identity | None:
        """Whose token this is; None if nobody's, or if tokens are not the mode."""

    async def check_password(self, user: str, password: str) -> Identity | None:
        """The user of that name and password; None if there is none, or if that is not the mode.

        Raises:
            LimitReached: Too many passwords are being checked.
        """

    def vouched(self, name: str) -> Identity | None:
        """Whom a trusted proxy names; None if nobody can be called so, or not the mode."""

    def anybody(self) -> Identity | None:
        """Who an unknown is where nobody has to show who they are; None elsewhere."""

    def redeem_share(self, token: str) -> Identity | None:
        """The guest that a share link lets in, one use of it spent; None if it does not."""

    def issue_cookie(self, identity: Identity) -> str:
        """Begin a login: the secret that stands for it, in a cookie or as a bearer.

        It ends with the login that the identity came by, if there is one.
        """

    def check_cookie(self, value: str) -> Identity | None:
        """Whose login this is the secret of; None if it is forged, revoked or too old."""

    def revoke_cookie(self, value: str) -> None:
        """End a login. Idempotent."""

    def issue_ticket(self, identity: Identity) -> str:
        """Make a ticket, good once and shortly.

        Raises:
            LimitReached: Too many are outstanding.
        """

    def redeem_ticket(self, ticket: str) -> Identity | None:
        """Whose ticket this was; None if it was used, is too old, or never was one."""

    def standing(self, identity: Identity) -> Identity | None:
        """What somebody who was let in is now; None: they no longer belong here."""

    def refresh(self) -> None:
        """Take note of what others have changed in the files; cheap when that is nothing."""


class Owners(Protocol):
    """Remembers who made which session, beyond the session's and the server's life."""

    def owner_of(self, session: SessionId) -> str | None:
        """The id of the identity that made it; None if nobody has."""

    def claim(self, session: SessionId, identity_id: str) -> None:
        """Remember who made it, unless somebody has; old claims of many give way."""

    def release(self, session: SessionId) -> None:
        """Forget it. Idempotent."""


class Shares(Protocol):
    """The share links of all sessions."""

    def create(
        self,
        session: SessionId,
        *,
        role: Role,
        name: str,
        made_by: str,
        expires: float | None,
        max_uses: int | None,
    ) -> tuple[Share, str]:
        """Make a link; it, and its secret, which is not kept.

        Raises:
            LimitReached: The session has too many.
            Unavailable: It cannot be kept.
        """

    def of(self, session: SessionId) -> list[Share]:
        """The links of a session that have not expired, oldest first."""

    def revoke(self, session: SessionId, share_id: str) -> None:
        """End a link, and everybody who came by it.

        Raises:
            NotFound: The session has no such link.
            Unavailable: It cannot be written down.
        """


class Audit(Protocol):
    """Writes down who did what; never what they typed or saw."""

    def record(
        self,
        event: str,
        *,
        who: str | None = None,
        address: str | None = None,
        **facts: str | int | None,
    ) -> None:
        """Note that something has happened, now.

        Args:
            event: Its kind, such as ``login``.
            who: The id of the identity that did it; None where nobody was known.
            address: Where they are.
            facts: What it concerns, such as a session, a terminal, a role.
        """
