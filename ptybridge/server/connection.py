"""A connection: one client's link to the server, whatever carries it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

import structlog

from ptybridge.core.errors import BadRequest, LimitReached, NotFound, RequestError
from ptybridge.core.identity import Identity
from ptybridge.core.session import Session
from ptybridge.core.values import ConnectionId, SessionId, TerminalId
from ptybridge.core.viewer import Viewer, ViewerSink
from ptybridge.server.links import Link
from ptybridge.server.subscriptions import Subscription
from ptybridge.wire import frames, messages
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.errors import MalformedMessage

_log = structlog.get_logger(__name__)

MAX_VIEWERS = 256
"""Viewers that one connection may have."""

MAX_TASKS = 32
"""Requests of one connection that may be waiting for something at once."""


_INPUT = frames.Kind.INPUT

MakeSink = Callable[[Link, int, TerminalId], ViewerSink]
"""Makes the outlet of a viewer: its link, its channel, its terminal."""


class Dispatcher(Protocol):
    """What a connection's requests go to: the message router."""

    def dispatch(self, connection: "Connection", request: messages.Request) -> None:
        """Serve one request; its reply, if any, is sent before this returns or by a task.

        Raises:
            RequestError: It cannot be served.
        """


class Connection:
    """One client: who it is, what it views, and how it is spoken to.

    Attributes:
        id: Its name in logs and in ``welcome``.
        identity: Who is behind it.
        address: Where they are.
        session: The session that is meant where a message names none.
        viewers: Its viewers by channel.
        subscriptions: The sessions that it follows, by name.
        speaks_binary: Terminal bytes travel as binary frames (``ptybridge.v1``).
        heard_at: When anything came last (clock time).
        pinged_at: When it was asked for a sign of life; None when it has answered since.
    """

    __slots__ = (
        "_dispatcher",
        "_link",
        "_make_sink",
        "_on_closed",
        "_tasks",
        "_time",
        "address",
        "heard_at",
        "id",
        "identity",
        "pinged_at",
        "session",
        "speaks_binary",
        "subscriptions",
        "viewers",
    )

    def __init__(
        self,
        connection_id: ConnectionId,
        identity: Identity,
        *,
        dispatcher: Dispatcher,
        make_sink: MakeSink,
        on_closed: Callable[["Connection"], None],
        time: Callable[[], float],
        session: Session | None = None,
        speaks_binary: bool = False,
        address: str = "",
    ) -> None:
        self.id = connection_id
        self.identity = identity
        self.address = address
        self.session = session
        self.viewers: dict[int, Viewer] = {}
        self.subscriptions: dict[SessionId, Subscription] = {}
        self.speaks_binary = speaks_binary
        self.heard_at = time()
        self.pinged_at: float | None = None
        self._time = time
        self._dispatcher = dispatcher
        self._make_sink = make_sink
        self._on_closed = on_closed
        self._link: Link | None = None
        self._tasks: set[asyncio.Task[None]] | None = None

    def open(self, link: Link) -> None:
        """Begin to speak over ``link``."""
        self._link = link

    @property
    def link(self) -> Link:
        """What carries it."""
        assert self._link is not None
        return self._link

    # --- from the client

    def on_heard(self) -> None:
        """Any bytes are life, not only a pong: who uploads a paste may answer late."""
        self.heard_at = self._time()
        self.pinged_at = None

    def on_text(self, message: bytes, *, answer_as: int | None = None) -> None:
        """Serve one JSON message; the reply carries ``answer_as`` or else the message's ``id``."""
        request_id = answer_as
        try:
            request = messages.decode(message)
            if answer_as is None:
                request_id = request.id
            else:
                request = messages.Request(request.message, answer_as)
            self._dispatcher.dispatch(self, request)
        except messages.MalformedRequest as error:
            self.refuse(BadRequest(str(error)), error.id if answer_as is None else answer_as)
        except RequestError as error:
            self.refuse(error, request_id)
        except Exception:
            self._fail()

    def on_binary(self, message: bytes) -> None:
        """Serve one binary frame."""
        try:
            if not self.speaks_binary:
                raise BadRequest("binary frames need the subprotocol ptybridge.v1")
            kind, channel, offset, data = frames.decode(message)
            if kind is not _INPUT:
                raise BadRequest("of binary frames, clients send INPUT only")
            (self.viewers.get(channel) or self.viewer(channel)).write(data, offset=offset)
        except MalformedMessage as error:
            self.refuse(BadRequest(str(error)))
        except RequestError as error:
            self.refuse(error)
        except Exception:
            self._fail()

    def on_writable(self) -> None:
        """Let the viewers and what is followed go on, each in its turn."""
        for viewer in tuple(self.viewers.values()):
            viewer.terminal.drain(viewer)
        for subscription in tuple(self.subscriptions.values()):
            subscription.wake()

    def on_closed(self) -> None:
        """Leave everything that the client took part in."""
        self._leave()
        self._on_closed(self)

    def _leave(self) -> None:
        for viewer in tuple(self.viewers.values()):
            viewer.detach()
        self.viewers.clear()
        for subscription in self.subscriptions.values():
            subscription.end()
            subscription.session.leave(self.identity)
        self.subscriptions.clear()
        for task in self._tasks or ():
            task.cancel()

    def session_closed(self, session: Session) -> None:
        """A session has ended for good: say so to whoever follows it, or is there."""
        subscription = self.subscriptions.get(session.id)
        if subscription is not None and subscription.session is session:
            subscription.wake()
            subscription.end()
            del self.subscriptions[session.id]
        if self.session is session:
            self.close(CloseCode.ENDED, "the session has ended")

    # --- to the client

    def reply(self, message: messages.ServerMessage, request_id: int | None = None) -> None:
        """Send a message, in order with all others."""
        self.link.post(messages.encode(message, request_id))

    def refuse(self, error: RequestError, request_id: int | None = None) -> None:
        """Tell the client that a request could not be served, and why."""
        self.reply(messages.Error(error.code, str(error)), request_id)

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection, saying why."""
        self.link.close(code, reason)

    def cut(self, code: CloseCode, reason: str) -> None:
        """End the connection of somebody who no longer belongs here: not one byte more.

        What waits to be sent is dropped, what comes is not acted on, what was begun ends.
        """
        for viewer in self.viewers.values():
            viewer.terminal.stop_input(viewer)
        self._leave()
        self.link.cut(code, reason)

    def _fail(self) -> None:
        """End the connection over a fault of ours, of which the client learns nothing."""
        _log.exception("a request failed", connection=self.id)
        self.link.close(CloseCode.INTERNAL, "")

    # --- for the handlers

    def viewer(self, channel: int | None) -> Viewer:
        """The viewer on ``channel``; for None, the only one there is.

        Raises:
            NotFound: There is no such viewer.
            BadRequest: ``channel`` is left out while there are several.
        """
        if channel is None:
            if len(self.viewers) > 1:
                raise BadRequest("channel: needed, there are several")
            channel = next(iter(self.viewers), 0)
        viewer = self.viewers.get(channel)
        if viewer is None:
            raise NotFound("channel", channel)
        return viewer

    def sink(self, channel: int, terminal_id: TerminalId) -> ViewerSink:
        """Where the output of a viewer of that terminal on ``channel`` goes."""
        return self._make_sink(self.link, channel, terminal_id)

    def run(self, work: Coroutine[None, None, None], request_id: int | None) -> None:
        """Serve a request that has to wait; it ends with the connection.

        Raises:
            RequestError: Too many are waiting already.
        """
        if self._tasks is None:
            self._tasks = set()
        if len(self._tasks) >= MAX_TASKS:
            work.close()
            raise LimitReached("requests waiting on one connection", MAX_TASKS)
        task = asyncio.create_task(self._serve(work, request_id), name=f"request of {self.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, work: Coroutine[None, None, None], request_id: int | None) -> None:
        try:
            await work
        except RequestError as error:
            self.refuse(error, request_id)
        except Exception:
            self._fail()
