"""All sessions and terminals of this server: found by name, within limits, ended in order."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ptybridge.core.bus import Bus
from ptybridge.core.errors import (
    BadRequest,
    Conflict,
    LimitReached,
    NotFound,
    PtyError,
    Unavailable,
)
from ptybridge.core.idleness import Idleness
from ptybridge.core.keeper import KeptSession
from ptybridge.core.occupation import Program
from ptybridge.core.offers import KEY_VARIABLE, TERMINAL_VARIABLE
from ptybridge.core.ports import Clock, Launch, MakeScreen, PtySpawner, Timer, Workers
from ptybridge.core.rules import Rules
from ptybridge.core.screen import ScreenFailed
from ptybridge.core.session import Session, Surroundings
from ptybridge.core.statistics import TerminalStatistics
from ptybridge.core.terminal import SHARED_FREELY, Terminal
from ptybridge.core.turns import Turns
from ptybridge.core.values import SessionId, TerminalId, WindowSize, is_name

ENDED_LINGER = 300.0
"""Seconds for which an ended terminal can still be attached to, so that whoever was cut off
sees its last output."""

MAX_ENDED = 50
"""Ended terminals kept at once; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class TerminalDefaults:
    """What a new terminal is unless its request says otherwise.

    Attributes:
        command: The program and its arguments.
        cwd: Where it starts; None is the server's own working directory.
        env: The child's whole environment.
        tail_bytes: Bytes of output kept for an exact resume.
        rules: How its viewers share it.
        keep_detached: Seconds that a terminal without viewers lives; 0 is until its child ends.
        idle_timeout: Seconds without input and output before a terminal is hung up; 0 is never.
        may_offer: Whether programs may offer files; else they get nothing to sign an offer with.
    """

    command: tuple[str, ...]
    cwd: str | None
    env: Mapping[str, str]
    tail_bytes: int
    keep_detached: float
    rules: Rules = SHARED_FREELY
    idle_timeout: float = 0.0
    may_offer: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be of what."""

    sessions: int
    terminals: int
    terminals_per_user: int = 10**9


class Registry:
    """Who owns every session and terminal of this process."""

    def __init__(
        self,
        spawner: PtySpawner,
        *,
        defaults: TerminalDefaults,
        limits: Limits,
        clock: Clock,
        make_screen: MakeScreen | None = None,
        workers: Workers | None = None,
        on_screen_lost: Callable[[Terminal, ScreenFailed], None] = lambda *_: None,
        on_ended: Callable[[Terminal], None] = lambda _: None,
        wall_clock: Callable[[], float] = time.time,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._spawner = spawner
        self._defaults = defaults
        self._limits = limits
        self._make_screen = make_screen
        self._workers = workers
        self._turns = Turns(clock)
        self._on_screen_lost = on_screen_lost
        self._on_ended = on_ended
        self._clock = clock
        self._wall_clock = wall_clock
        self._surroundings = surroundings or Surroundings(clock, wall_clock, Bus(clock))
        self._sessions: dict[SessionId, Session] = {}
        self._terminals: dict[TerminalId, Terminal] = {}
        self._starting: dict[TerminalId, str | None] = {}
        self._openers: dict[Terminal, str] = {}
        self._running: dict[Terminal, Session] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._ended: dict[Terminal, Timer] = {}  # with what will forget it, the oldest first
        self._opened = 0
        self._past_output = 0
        self._past_input = 0
        self._is_closing = False
        self._all_ended = asyncio.Event()
        self._idleness: Idleness[Terminal] = Idleness(defaults.idle_timeout)

    @property
    def sessions(self) -> Mapping[SessionId, Session]:
        """All sessions by name."""
        return self._sessions

    @property
    def terminals(self) -> Mapping[TerminalId, Terminal]:
        """All terminals by name, those that have ended but can still be looked at included."""
        return self._terminals

    def session(self, name: str) -> Session:
        """The session of that name, made when missing.

        Raises:
            BadRequest: It cannot be a name.
            LimitReached: There are too many sessions.
        """
        session = self._sessions.get(SessionId(name))
        if session is None:
            if not is_name(name):
                raise BadRequest("sessionID: 1 to 64 of A-Z a-z 0-9 . _ - are allowed")
            if len(self._sessions) >= self._limits.sessions:
                self._forget_empty()
            if len(self._sessions) >= self._limits.sessions:
                raise LimitReached("sessions", self._limits.sessions)
            session = self._make_session(SessionId(name), created=self._wall_clock())
        return session

    def _make_session(
        self, name: SessionId, *, created: float, seq: int = 0, title: str = ""
    ) -> Session:
        session = Session(name, self._surroundings, created=created, seq=seq, title=title)
        self._sessions[name] = session
        return session

    def restore(self, kept: KeptSession) -> None:
        """Take in a session from before; its log goes on behind the last number."""
        session = self._make_session(
            SessionId(kept.id), created=kept.created, seq=kept.seq, title=kept.title
        )
        for message in kept.messages:
            session.chat.restore(message)
        for identity_id, number in kept.read.items():
            session.restore_mark(identity_id, number)

    def close_session(self, session: Session) -> None:
        """End a session for good, with its terminals; its name, and theirs, are free at once.

        Programs get their grace as ever, but nobody finds them any more.
        """
        del self._sessions[session.id]
        for terminal in tuple(session.terminals.values()):
            self._drop(terminal, session)
        session.close()
        ending = asyncio.create_task(session.chat.close(), name=f"end of session {session.id}")
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _drop(self, terminal: Terminal, session: Session) -> None:
        """Hang a terminal up that nobody is to find any more."""
        del session.terminals[terminal.id]
        if self._terminals.get(terminal.id) is terminal:
            del self._terminals[terminal.id]
        if terminal.status is None:
            terminal.hang_up()
        else:
            self._ended.pop(terminal).cancel()
            self._leave_behind(terminal)

    def _leave_behind(self, terminal: Terminal) -> None:
        """Free what an ended terminal holds; what went through it still counts."""
        self._past_output += terminal.tail.end
        self._past_input += terminal.traffic - terminal.tail.end
        terminal.forget()

    def new_name(self) -> str:
        """A name that nothing has yet."""
        return secrets.token_hex(6)

    def _forget_empty(self) -> None:
        """Drop the sessions that nothing would be lost of; ``open`` takes one back."""
        for session in tuple(self._sessions.values()):
            if not session.is_in_use:
                del self._sessions[session.id]
                self._surroundings.keeper.forget(session.id)

    def terminal(self, name: str) -> Terminal:
        """The terminal of that name.

        Raises:
            NotFound: There is none.
        """
        terminal = self._terminals.get(TerminalId(name))
        if terminal is None:
            raise NotFound("terminal", name if is_name(name) else "(not a name)")
        return terminal

    async def open(
        self,
        session: Session,
        *,
        size: WindowSize,
        command: tuple[str, ...] | None = None,
        cwd: str | None = None,
        name: str | None = None,
        opened_by: str | None = None,
    ) -> Terminal:
        """Start a terminal in ``session``; left out, its name is a new one.

        ``opened_by`` is the account of whoever asked for it, which has a limit of its own.

        Raises:
            LimitReached: There are too many terminals, or too many of that identity.
            Conflict: A terminal of that name runs already.
            Unavailable: The program cannot be started; the message says why.
        """
        terminal_id = TerminalId(name or self.new_name())
        if len(self._running) + len(self._starting) >= self._limits.terminals:
            raise LimitReached("terminals", self._limits.terminals)
        if opened_by is not None:
            self._check_share_of(opened_by)
        if self._is_closing:
            raise Unavailable("the server is going away")
        present = self._terminals.get(terminal_id)
        if terminal_id in self._starting or (present is not None and present.status is None):
            raise Conflict("a terminal of that name runs already")
        defaults = self._defaults
        argv = command or defaults.command
        terminal = Terminal(
            terminal_id,
            session_id=session.id,
            size=size,
            tail_bytes=defaults.tail_bytes,
            title=argv[0].rpartition("/")[2],
            created=self._wall_clock(),
            clock=self._clock,
            observer=self,
            rules=defaults.rules,
            make_screen=self._make_screen,
            workers=self._workers,
            turns=self._turns,
            program=Program(argv, cwd or defaults.cwd),
        )
        key = {KEY_VARIABLE: terminal.description.offers.key} if defaults.may_offer else {}
        env = {**defaults.env, TERMINAL_VARIABLE: terminal_id, **key}
        launch = Launch(argv=argv, env=env, size=size, cwd=cwd or defaults.cwd)
        self._starting[terminal_id] = opened_by
        try:
            pty = await self._spawner.spawn(launch, terminal)
        except BaseException as error:
            terminal.forget()  # its screen is freed by nothing else
            if isinstance(error, PtyError):
                raise Unavailable(str(error)) from error
            raise
        finally:
            del self._starting[terminal_id]
        self._terminals[terminal_id] = terminal
        if opened_by is not None:
            self._openers[terminal] = opened_by
        if not session.is_closed:
            session = self._sessions.setdefault(session.id, session)
        self._running[terminal] = session
        self._opened += 1
        session.terminal_created(terminal)
        terminal.start(pty)
        if session.is_closed:
            self._drop(terminal, session)
            raise NotFound("session", session.id)
        if self._is_closing:
            terminal.hang_up()
            terminal.cease()
        return terminal

    def _check_share_of(self, account: str) -> None:
        """Refuse one more terminal to an account that has its share of them."""
        opened = [*self._openers.values(), *self._starting.values()].count(account)
        if opened >= self._limits.terminals_per_user:
            raise LimitReached("terminals of one user", self._limits.terminals_per_user)

    def screen_lost(self, terminal: Terminal, error: ScreenFailed) -> None:
        """Pass it on to whoever watches."""
        self._on_screen_lost(terminal, error)

    def terminal_ended(self, terminal: Terminal) -> None:
        """Keep an ended terminal for a while, for those who were cut off."""
        self._on_ended(terminal)
        self._openers.pop(terminal, None)
        session = self._running.pop(terminal)
        session.terminal_closed(terminal)
        if not self._running:
            self._all_ended.set()
        if session.is_closed:
            self._leave_behind(terminal)
            return
        forgets = partial(self.forget, terminal)
        self._ended[terminal] = self._clock.call_later(ENDED_LINGER, forgets)
        if len(self._ended) > MAX_ENDED:
            self.forget(next(iter(self._ended)))

    def forget(self, terminal: Terminal) -> None:
        """Drop an ended terminal; if another has its name by now, that keeps it. Idempotent."""
        timer = self._ended.pop(terminal, None)
        if timer is None:
            return
        timer.cancel()  # which would hold it and its output until then
        self._leave_behind(terminal)
        if self._terminals.get(terminal.id) is terminal:
            del self._terminals[terminal.id]
        session = self._sessions.get(terminal.session_id)  # the other may be in another one
        if session is not None and session.terminals.get(terminal.id) is terminal:
            del session.terminals[terminal.id]

    def statistics(self) -> TerminalStatistics:
        """What there is and was, added up now."""
        # Some that run are no session's any more.
        there = {*self._terminals.values(), *self._running, *self._ended}
        output = sum(terminal.tail.end for terminal in there)
        return TerminalStatistics(
            sessions=len(self._sessions),
            running=len(self._running),
            opened=self._opened,
            viewers=sum(len(terminal.viewers) for terminal in there),
            output_bytes=self._past_output + output,
            input_bytes=self._past_input + sum(terminal.traffic for terminal in there) - output,
        )

    def sweep(self) -> None:
        """End the terminals in which nothing happens, or that nobody views, for too long."""
        for terminal in self._terminals.values():
            terminal.tidy()
        now = self._clock.time()
        for terminal in self._idleness.idle(iter(tuple(self._running)), now=now):
            terminal.hang_up()
        keep = self._defaults.keep_detached
        if not keep:
            return
        deadline = now - keep
        for terminal in tuple(self._running):
            if terminal.idle_since is not None and terminal.idle_since <= deadline:
                terminal.hang_up()

    async def close(self, *, patience: float) -> None:
        """End every program and every answer, at most in ``patience`` seconds.

        What terminals put off, such as showing a screen what it has not seen, is not done any more:
        threads and the loop end next.
        """
        self._is_closing = True
        living = list(self._running)
        self._all_ended.clear()
        for terminal in living:
            terminal.hang_up()
        ends = [session.chat.close() for session in self._sessions.values()]
        if living:
            ends.append(self._end_of_all())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*ends, *self._endings), patience)
        finally:
            for terminal in (*self._running, *self._ended):
                terminal.cease()

    async def _end_of_all(self) -> None:
        await self._all_ended.wait()
