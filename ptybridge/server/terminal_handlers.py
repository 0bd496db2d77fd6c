"""Handlers of the messages that concern terminals: docs/wire.md section 2."""

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, Conflict, LimitReached, NotFound
from ptybridge.core.occupation import occupation
from ptybridge.core.ports import Audit
from ptybridge.core.registry import Registry
from ptybridge.core.session import Session
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import TerminalId, WindowSize, is_name
from ptybridge.server.audited import note_deed
from ptybridge.server.connection import MAX_VIEWERS, Connection
from ptybridge.server.router import Router
from ptybridge.wire import keyboard, messages


def terminal_state(terminal: Terminal) -> messages.TerminalState:
    """A terminal as clients see it."""
    status = terminal.status
    said = terminal.description
    busy = occupation(said, terminal.pty)
    progress = said.progress
    return messages.TerminalState(
        id=terminal.id,
        title=said.title,
        rows=terminal.size.rows,
        cols=terminal.size.cols,
        created=_created(terminal),
        exit=messages.ExitState(status.code, status.signal) if status else None,
        session_id=terminal.session_id,
        cwd=busy.directory,
        progress=messages.ProgressState(progress.state.value, progress.percent)
        if progress
        else None,
        command=busy.command,
        exit_code=said.exit_code,
        viewers=len(terminal.viewers),
        renamed=said.is_renamed,
        end=terminal.tail.end,
        bells=said.bells,
    )


def _created(terminal: Terminal) -> int:
    """When a terminal was started, as clients are told: milliseconds since the Unix epoch."""
    return int(terminal.created * 1000)


def program(
    session: Session,
    *,
    like: str | None,
    command: list[str] | None,
    cwd: str | None,
) -> tuple[tuple[str, ...] | None, str | None]:
    """What to run and where: as asked or, with ``like``, as in that terminal of the session.

    Raises:
        NotFound: The session has no such terminal, or no longer.
        BadRequest: ``like`` came with what it stands for.
    """
    if like is None:
        return (tuple(command) if command else None), cwd
    if command is not None or cwd is not None:
        raise BadRequest("like: stands for command and cwd; leave these out")
    terminal = session.terminals.get(TerminalId(like))
    if terminal is None or terminal.program is None:
        raise NotFound("terminal", like if is_name(like) else "(not a name)")
    return terminal.program.argv, terminal.program.cwd


class TerminalHandlers:
    """Serves what clients ask of terminals."""

    def __init__(self, registry: Registry, *, access: Access, audit: Audit) -> None:
        self._registry = registry
        self._access = access
        self._audit = audit

    def add_to(self, router: Router) -> None:
        """Take over the messages that concern terminals."""
        router.add(messages.Ping, self.ping)
        router.add(messages.OpenTerminal, self.open)
        router.add(messages.CloseTerminal, self.close)
        router.add(messages.Attach, self.attach)
        router.add(messages.Detach, self.detach)
        router.add(keyboard.Input, self.type)
        router.add(messages.Resize, self.resize)
        router.add(messages.Ack, self.ack)
        router.add(messages.Control, self.control)

    def ping(self, connection: Connection, _: messages.Ping, request_id: int | None) -> None:
        """Answer at once."""
        connection.reply(messages.Pong(), request_id)

    def open(
        self, connection: Connection, message: messages.OpenTerminal, request_id: int | None
    ) -> None:
        """Start a terminal and say when it runs."""
        session = self._session(connection, message.session_id)
        channel = message.channel
        if channel is not None:
            self._check_channel(connection, channel)

        command, cwd = program(session, like=message.like, command=message.command, cwd=message.cwd)

        async def start() -> None:
            terminal = await self._registry.open(
                session,
                size=WindowSize(message.rows, message.cols),
                command=command,
                cwd=cwd,
                opened_by=connection.identity.account,
            )
            note_deed(self._audit, connection, "terminal.open", terminal)
            connection.reply(messages.TerminalOpened(terminal_state(terminal)), request_id)
            if channel is not None:
                view = messages.Attach(
                    channel, terminal.id, message.rows, message.cols, 0, message.window
                )
                self.attach(connection, view, None)

        connection.run(start(), request_id)

    def _session(self, connection: Connection, name: str | None) -> Session:
        if name is not None:
            return self._registry.session(name)
        if connection.session is None:
            raise BadRequest("sessionID: needed, the connection has no default session")
        return connection.session

    def close(
        self, connection: Connection, message: messages.CloseTerminal, request_id: int | None
    ) -> None:
        """Hang a terminal up; its viewers learn of its end."""
        terminal = self._registry.terminal(message.terminal_id)
        note_deed(self._audit, connection, "terminal.close", terminal)
        connection.reply(messages.Accepted(), request_id)
        terminal.hang_up()

    def attach(
        self, connection: Connection, message: messages.Attach, request_id: int | None
    ) -> None:
        """Begin to view a terminal: ``attached``, then output."""
        terminal = self._registry.terminal(message.terminal_id)
        self._check_channel(connection, message.channel)
        is_another = message.created not in {None, _created(terminal)}
        viewer = terminal.attach(
            connection.sink(message.channel, terminal.id),
            name=connection.identity.name,
            role=self._access.granted(connection.identity, terminal.session_id, message.role),
            highest_role=self._access.granted(connection.identity, terminal.session_id, None),
            size=WindowSize(message.rows, message.cols),
            window=message.window,
            since=None if is_another else message.since,
        )
        connection.viewers[message.channel] = viewer
        size = terminal.marks.size_at(viewer.sent)
        connection.reply(
            messages.Attached(
                channel=message.channel,
                terminal_id=terminal.id,
                role=viewer.role.label,
                rows=size.rows,
                cols=size.cols,
                offset=viewer.sent,
                end=terminal.tail.end,
                answers=terminal.has_screen,
                viewer_id=viewer.id,
                terminal=terminal_state(terminal),
            ),
            request_id,
        )
        viewer.begin()

    @staticmethod
    def _check_channel(connection: Connection, channel: int) -> None:
        if channel in connection.viewers:
            raise Conflict(f"channel {channel} is in use")
        if len(connection.viewers) >= MAX_VIEWERS:
            raise LimitReached("viewers on one connection", MAX_VIEWERS)

    def detach(
        self, connection: Connection, message: messages.Detach, request_id: int | None
    ) -> None:
        """Stop viewing."""
        connection.viewer(message.channel).detach()
        del connection.viewers[message.channel]
        connection.reply(messages.Detached(message.channel), request_id)

    def type(self, connection: Connection, message: keyboard.Input, _: int | None) -> None:
        """Give text to a program."""
        connection.viewer(message.channel).write(message.typed, offset=message.offset)

    def resize(self, connection: Connection, message: messages.Resize, _: int | None) -> None:
        """Note a viewer's own size."""
        size = WindowSize(message.rows, message.cols)
        connection.viewer(message.channel).resize(size, visible=message.visible)

    def ack(self, connection: Connection, message: messages.Ack, _: int | None) -> None:
        """Note what a viewer has rendered."""
        connection.viewer(message.channel).ack(message.offset)

    def control(
        self, connection: Connection, message: messages.Control, request_id: int | None
    ) -> None:
        """Pass the keyboard, or the right to it, from hand to hand."""
        viewer = connection.viewer(message.channel)
        terminal = viewer.terminal
        control = terminal.control
        other = None if message.to is None else terminal.viewers.named(message.to)
        match message.action:
            case "request":
                control.request(viewer)
            case "release":
                control.release(viewer)
            case "grant":
                if other is None:
                    raise BadRequest("control: grant needs to, the viewer who gets the keyboard")
                control.grant(viewer, other)
            case "revoke":
                control.revoke(viewer, other)
        connection.reply(messages.Accepted(), request_id)
        terminal.viewers.flush()
