"""A session: a named workspace with its terminals, its members, its chat and its log."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ptybridge.core.bus import Bus
from ptybridge.core.chat import Chat
from ptybridge.core.description import MAX_TITLE
from ptybridge.core.errors import BadRequest, RequestError
from ptybridge.core.identity import Identity
from ptybridge.core.keeper import Forgetful, Keeper
from ptybridge.core.ports import Clock
from ptybridge.core.responder import Responder, ResponderFailed
from ptybridge.core.screen import ScreenFailed, Title
from ptybridge.core.session_events import (
    Member,
    MemberChanged,
    MemberJoined,
    MemberLeft,
    SessionClosed,
    SessionEvent,
    SessionRenamed,
    TerminalClosed,
    TerminalCreated,
    TerminalInfo,
    TerminalRenamed,
)
from ptybridge.core.session_log import SessionLog
from ptybridge.core.terminal import Terminal
from ptybridge.core.typists import Typists
from ptybridge.core.values import Role, SessionId, TerminalId

RESERVED = 10_000
"""Numbers of events that are kept to be given, so that none is given twice after a crash."""


MAX_READERS = 1_000
"""Identities of which it is known what they have read; who read longest ago gives way."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sessions share.

    Attributes:
        clock: Monotonic time.
        wall_clock: Seconds since the Unix epoch.
        bus: Wakes who follows a session.
        responder: Answers prompts; None where nobody does.
        keeper: Keeps messages beyond this process.
        directory_of: The working directory of a process by its id, where it can be known.
    """

    clock: Clock
    wall_clock: Callable[[], float]
    bus: Bus
    responder: Responder | None = None
    keeper: Keeper = field(default_factory=Forgetful)
    directory_of: Callable[[int], str | None] = lambda _: None


class Session:
    """One session.

    Attributes:
        id: Its name.
        created: When it was made, in seconds since the Unix epoch.
        terminals: Its terminals by name, oldest first.
        log: Its newest events.
        chat: What is said in it.
        title: What people call it; empty where they have not said.
        typists: Who is typing in the chat.
        is_closed: It has ended for good.
    """

    __slots__ = (
        "_bus",
        "_directory_of",
        "_keeper",
        "_members",
        "_read",
        "_reserved",
        "chat",
        "created",
        "id",
        "is_closed",
        "log",
        "terminals",
        "title",
        "typists",
    )

    def __init__(
        self,
        session_id: SessionId,
        surroundings: Surroundings,
        *,
        created: float,
        seq: int = 0,
        title: str = "",
    ) -> None:
        """``seq`` is the last number that its log gave before."""
        self.id = session_id
        self.created = created
        self.title = title
        self.is_closed = False
        self.terminals: dict[TerminalId, Terminal] = {}
        self.log = SessionLog(seq=seq)
        self._bus = surroundings.bus
        self._keeper = surroundings.keeper
        self._reserved = 0
        self._directory_of = surroundings.directory_of
        self._members: dict[str, tuple[Member, int]] = {}
        self._read: dict[str, int] = {}
        self.typists = Typists(
            surroundings.clock, changed=lambda: surroundings.bus.publish(session_id)
        )
        self.chat = Chat(
            session_id,
            publish=self.publish,
            workspace=self,
            responder=surroundings.responder,
            clock=surroundings.clock,
            wall_clock=surroundings.wall_clock,
            keeper=surroundings.keeper,
        )

    def publish(self, event: SessionEvent) -> int:
        """Put an event into the log; its number."""
        entry = self.log.append(event)
        if entry.seq + RESERVED // 2 > self._reserved:
            self._reserved = entry.seq + RESERVED
            self._keeper.reserve(self.id, self.created, self._reserved)
        self._bus.publish(self.id)
        return entry.seq

    @property
    def is_in_use(self) -> bool:
        """Whether forgetting it would lose anything or anybody."""
        return bool(self.terminals or self._members or self.title or len(self.chat.recent))

    def rename(self, title: str) -> None:
        """Give it a title; an empty one takes it back.

        Raises:
            BadRequest: It is too long, or has characters that cannot be shown.
        """
        title = _checked_title(title)
        if title != self.title:
            self.title = title
            self.publish(SessionRenamed(title))
            self._keeper.rename(self.id, title)

    def close(self) -> None:
        """End it for good: its answers, and all that is kept of it. Its terminals are others'."""
        self.is_closed = True
        self.chat.end()
        self.publish(SessionClosed())
        keeper, self._keeper = self._keeper, Forgetful()
        keeper.forget(self.id)

    # --- members

    @property
    def members(self) -> list[Member]:
        """Who is present, in the order of coming."""
        return [member for member, _ in self._members.values()]

    def join(self, identity: Identity, role: Role) -> None:
        """Note a connection of somebody; the first one makes them present."""
        member, connections = self._members.get(identity.id, (None, 0))
        if member is None:
            member = Member(identity.id, identity.name, role)
            self.publish(MemberJoined(member))
        self._members[identity.id] = (member, connections + 1)

    def change_role(self, identity: Identity, role: Role) -> None:
        """Note what somebody is from now on, if they are present; the same again is no news."""
        member, connections = self._members.get(identity.id, (None, 0))
        if member is not None and member.role != role:
            member = replace(member, role=role)
            self._members[identity.id] = (member, connections)
            self.publish(MemberChanged(member))

    def leave(self, identity: Identity) -> None:
        """Note that a connection of somebody has gone."""
        member, connections = self._members[identity.id]
        if connections > 1:
            self._members[identity.id] = (member, connections - 1)
        else:
            del self._members[identity.id]
            self.typists.drop(identity)
            self.publish(MemberLeft(member))

    # --- who has read what

    def mark_read(self, identity: Identity, number: int) -> None:
        """Note that somebody has read up to that message, or further already."""
        number = min(number, self.chat.recent.last)
        if number > self._read.get(identity.id, 0):
            self.restore_mark(identity.id, number)
            self._keeper.mark_read(self.id, identity.id, number)

    def restore_mark(self, identity_id: str, number: int) -> None:
        """Take in a mark from before."""
        self._read.pop(identity_id, None)  # whoever read last stands last
        self._read[identity_id] = number
        if len(self._read) > MAX_READERS:
            del self._read[next(iter(self._read))]

    def unread(self, identity: Identity) -> int:
        """How many messages somebody has not read."""
        return self.chat.recent.last - self._read.get(identity.id, 0)

    # --- terminals

    def rename_terminal(self, terminal: Terminal, title: str) -> None:
        """Give a terminal a title in the place of its program's; an empty one takes it back.

        Raises:
            BadRequest: It is too long, or has characters that cannot be shown.
        """
        title = _checked_title(title)
        if terminal.description.rename(title):
            terminal.viewers.tell(Title(terminal.description.title))
            self.publish(TerminalRenamed(_info(terminal)))

    def terminal_created(self, terminal: Terminal) -> None:
        """A terminal of it runs."""
        self.terminals[terminal.id] = terminal
        self.publish(TerminalCreated(_info(terminal)))

    def terminal_closed(self, terminal: Terminal) -> None:
        """A terminal's program has ended."""
        self.publish(TerminalClosed(_info(terminal)))

    def terminal_infos(self) -> list[TerminalInfo]:
        """Its terminals as they are now, oldest first."""
        return [_info(terminal) for terminal in self.terminals.values()]

    # --- the workspace of responders (`ptybridge.core.responder.Workspace`)

    def _active(self) -> Terminal:
        """The terminal that was typed into last or, before any was, the newest."""
        living = [terminal for terminal in self.terminals.values() if terminal.status is None]
        if not living:
            raise ResponderFailed("the session has no running terminal")
        return max(living, key=lambda terminal: (terminal.typed_at, terminal.created))

    def directory(self) -> str | None:
        """The working directory of the active terminal; None where it is not known."""
        try:
            terminal = self._active()
        except ResponderFailed:
            return None
        return None if terminal.pty is None else self._directory_of(terminal.pty.pid)

    def read_screen(self) -> str:
        """What is on the active terminal's screen, as text."""
        try:
            return self._active().screen().rendered("text").decode()
        except (RequestError, ScreenFailed) as error:
            raise ResponderFailed(str(error)) from error

    def type_text(self, text: str) -> None:
        """Type into the active terminal."""
        try:
            self._active().type_for_responder(text.encode())
        except RequestError as error:
            raise ResponderFailed(str(error)) from error


def _checked_title(title: str) -> str:
    title = title.strip()
    if not title.isprintable() or len(title) > MAX_TITLE:
        raise BadRequest(f"title: at most {MAX_TITLE} characters that can be printed")
    return title


def _info(terminal: Terminal) -> TerminalInfo:
    title = terminal.description.title
    is_renamed = terminal.description.is_renamed
    return TerminalInfo(
        terminal.id, title, terminal.size, terminal.created, terminal.status, is_renamed
    )
