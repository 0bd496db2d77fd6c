"""The client: requests, views and subscriptions over one connection that comes back by itself."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self, TypeVar

from ptybridge.client.answers import Answer
from ptybridge.client.errors import ClientError, LinkBroke, RequestFailed
from ptybridge.client.lifeline import Lifeline, State
from ptybridge.client.links import Carried, LinkLost, Transport, TransportName
from ptybridge.client.subscriptions import Subscription
from ptybridge.client.views import WINDOW_BYTES, View, concerned
from ptybridge.wire import messages, server_messages
from ptybridge.wire import session_messages as session_wire
from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.fields import RoleName
from ptybridge.wire.frames import Frame
from ptybridge.wire.notices import NOTICES, Notice

R = TypeVar("R", bound=messages.ServerMessage)


class Client:
    """One client's connection to a server. Use it with ``async with``.

    When the link breaks it comes back as the server's ``reconnect`` settings say, subscribes
    anew from the last event and views on from the last byte.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        on_state: Callable[[State], None] = lambda _: None,
        is_returning: bool = True,
    ) -> None:
        """``on_state`` is told of every change; ``is_returning`` is whether it comes back."""
        self._life = Lifeline(transport, self, on_state=on_state, is_returning=is_returning)
        self._requests: dict[int, asyncio.Future[messages.ServerMessage]] = {}
        self._last_id = 0
        self._last_channel = 0
        self._views: dict[int, View] = {}
        self._subscriptions: list[Subscription] = []
        self._renewing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            CannotConnect: It does not come about; nothing is tried again.
            ConnectionEnded: It came about, and ended at once.
        """
        try:
            await self._life.begin()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection for good. Idempotent."""
        await self._life.close()

    @property
    def transport(self) -> TransportName | None:
        """What carries the connection now; None while nothing does."""
        return None if self._life.link is None else self._life.link.transport

    @property
    def state(self) -> State:
        """How the connection is."""
        return self._life.state

    @property
    def user(self) -> messages.User:
        """Whom the server takes this client for."""
        assert self._life.welcome is not None
        return self._life.welcome.user

    # --- terminals

    async def open(
        self,
        *,
        session: str | None = None,
        command: list[str] | None = None,
        cwd: str | None = None,
        rows: int = 24,
        cols: int = 80,
    ) -> messages.TerminalState:
        """Start a terminal, in the default session if none is named.

        Raises:
            RequestFailed: The server cannot, or this client may not.
            LinkBroke: The link broke meanwhile.
        """
        request = messages.OpenTerminal(rows, cols, session, command, cwd)
        return _expect(await self.request(request), messages.TerminalOpened).terminal

    async def open_view(
        self,
        *,
        session: str | None = None,
        command: list[str] | None = None,
        cwd: str | None = None,
        rows: int = 24,
        cols: int = 80,
    ) -> View:
        """Start a terminal and view it from its first byte on, however fast it prints.

        Raises:
            RequestFailed: The server cannot, or this client may not.
            LinkBroke: The link broke meanwhile.
        """
        self._last_channel += 1
        view = View(self, self._last_channel, "", rows=rows, cols=cols, since=0)
        await self._life.connected()
        self._views[view.channel] = view
        request = messages.OpenTerminal(
            rows, cols, session, command, cwd, view.channel, WINDOW_BYTES
        )
        try:
            opened = _expect(await self._ask(request), messages.TerminalOpened)
        except BaseException:
            view.detach()
            raise
        view.terminal_id = opened.terminal.id
        return view

    async def close_terminal(self, terminal_id: str) -> None:
        """End a terminal's program.

        Raises:
            RequestFailed: There is no such terminal, or this client may not.
            LinkBroke: The link broke meanwhile.
        """
        await self.request(messages.CloseTerminal(terminal_id))

    async def attach(
        self,
        terminal_id: str,
        *,
        rows: int = 24,
        cols: int = 80,
        role: RoleName | None = None,
        since: int | None = None,
    ) -> View:
        """View a terminal, until ``detach``.

        Args:
            terminal_id: Its name.
            rows: Of the viewer's own window.
            cols: Of the viewer's own window.
            role: Less than what this client may be; None asks for no less.
            since: The first byte that the viewer has not seen; None begins with what there is.

        Raises:
            RequestFailed: There is no such terminal, or this client may not.
            LinkBroke: The link broke meanwhile.
        """
        self._last_channel += 1
        view = View(
            self, self._last_channel, terminal_id, rows=rows, cols=cols, role=role, since=since
        )
        await self._life.connected()
        self._views[view.channel] = view
        try:
            await self._ask(view.request())
        except BaseException:
            view.detach()
            raise
        return view

    # --- the channel

    async def subscribe(self, session: str, *, since: int | None = None) -> Subscription:
        """Follow a session, from behind event ``since`` or from now on.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        subscription = Subscription(self, session, since=since)
        await self._life.connected()
        self._subscriptions.append(subscription)
        own = [one.seq for one in self._subscriptions if one.session_id == session]
        first = min((seq for seq in own if seq is not None), default=None)
        try:
            await self._ask(session_wire.Subscribe(session, first))
        except BaseException:
            subscription.close()
            raise
        return subscription

    def _current(self, session: str) -> Subscription | None:
        """A new subscription beside one that has all that came until now."""
        for one in self._subscriptions:
            if one.session_id == session and one.is_current and self._life.is_up:
                self._subscriptions.append(Subscription(self, session, since=one.seq))
                return self._subscriptions[-1]
        return None

    async def say(self, session: str, text: str) -> str:
        """Say something to a session's members; the message's name.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        reply = await self.request(session_wire.Say(text, session))
        return _expect(reply, session_wire.Taken).message_id

    async def prompt(self, session: str, text: str) -> Answer:
        """Ask a session's responder.

        Raises:
            RequestFailed: This client may not, nobody answers, or too many wait.
            LinkBroke: The link broke meanwhile.
        """
        subscription = self._current(session) or await self.subscribe(session)
        try:
            parts = [session_wire.Part("text", text)]
            reply = await self.request(session_wire.PromptRequest(parts, session))
        except BaseException:
            subscription.close()
            raise
        return Answer(self, subscription, _expect(reply, session_wire.Taken).message_id)

    async def cancel(self, session: str) -> None:
        """Stop the answer that runs in a session.

        Raises:
            RequestFailed: None runs (``conflict``), or this client may not.
            LinkBroke: The link broke meanwhile.
        """
        await self.request(session_wire.Cancel(session))

    # --- requests

    async def request(self, message: messages.ClientMessage) -> messages.ServerMessage:
        """Send any request, when there is a connection, and wait for its reply.

        Raises:
            RequestFailed: The server says why.
            LinkBroke: The link broke before the reply.
            ConnectionEnded: The connection is over for good.
        """
        await self._life.connected()
        return await self._ask(message)

    def post(self, item: messages.ClientMessage | Frame) -> None:
        """Send something that has no reply, if there is a connection."""
        if self._life.link is not None:
            self._life.link.post(item if isinstance(item, Frame) else server_messages.encode(item))

    async def _ask(self, message: messages.ClientMessage) -> messages.ServerMessage:
        if self._life.link is None:
            raise LinkBroke("there is no connection")
        self._last_id += 1
        request_id = self._last_id
        reply: asyncio.Future[messages.ServerMessage] = asyncio.get_running_loop().create_future()
        self._requests[request_id] = reply
        self._life.link.post(server_messages.encode(message, request_id))
        try:
            return await reply
        finally:
            self._requests.pop(request_id, None)

    def forget(self, view: View) -> None:
        """A view has ended."""
        self._views.pop(view.channel, None)

    def forget_subscription(self, subscription: Subscription) -> None:
        """A subscription has ended; with the last of a session, the server is told."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            name = subscription.session_id
            if all(one.session_id != name for one in self._subscriptions):
                self.post(session_wire.Unsubscribe(name))

    # --- for the lifeline

    async def resume(self) -> None:
        """Go on with all that there was before the link broke.

        Raises:
            LinkBroke: It is gone again.
        """
        for name in dict.fromkeys(one.session_id for one in self._subscriptions):
            await self._follow_on(name)
        for view in tuple(self._views.values()):
            if view.terminal_id:  # else it is about to be opened, on the link that broke
                await self._view_on(view)

    def is_at_rest(self) -> bool:
        """Send nothing new until the views begin anew; whether nothing is on its way."""
        are_at_rest = [view.hold() for view in self._views.values()]
        return all(are_at_rest) and not self._requests

    def suspended(self) -> None:
        """The link is gone; another may come."""
        for view in tuple(self._views.values()):
            view.suspend()
        for subscription in self._subscriptions:
            subscription.suspend()
        for reply in self._requests.values():
            if not reply.done():
                reply.set_exception(LinkBroke("the link broke before the reply came"))
                reply.exception()  # whoever asked may have left

    def ended(self, failure: ClientError) -> None:
        """No other will come."""
        for view in tuple(self._views.values()):
            view.end(failure)
        for subscription in tuple(self._subscriptions):
            subscription.end(failure)

    async def _follow_on(self, session: str) -> None:
        """Follow a session from the last event that all its subscriptions have."""
        own = [one for one in self._subscriptions if one.session_id == session]
        since = min((one.seq for one in own if one.seq is not None), default=None)
        try:
            await self._ask(session_wire.Subscribe(session, since))
        except RequestFailed as error:
            for one in own:
                one.end(error)

    async def _view_on(self, view: View) -> None:
        """View a terminal from the last byte that the view has."""
        try:
            await self._ask(view.request())
        except RequestFailed as error:
            view.end(error)

    def renew(self, view: View) -> None:
        """View a terminal anew, counting its input from 0 at both ends."""
        self.post(messages.Detach(view.channel))
        task = asyncio.create_task(self._view_anew(view), name="viewing anew")
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _view_anew(self, view: View) -> None:
        """Count a view's input from 0 at both ends."""
        with contextlib.suppress(LinkBroke):
            await self._view_on(view)

    # --- what comes

    def received(self, item: Carried) -> messages.ServerMessage | None:
        """Hand something on to whom it is for; the message that it was.

        Raises:
            LinkLost: It makes no sense.
        """
        if isinstance(item, Frame):
            view = self._views.get(item.channel)
            if view is not None:
                view.receive(item)
            return None
        try:
            message, request_id, _ = server_messages.decode(item)
        except MalformedMessage as error:
            raise LinkLost(1002, str(error)) from error
        if message is not None:
            self._told(message, request_id)
        return message

    def _told(self, message: messages.ServerMessage, request_id: int | None) -> None:
        self._share_out(message, request_id)
        reply = None if request_id is None else self._requests.get(request_id)
        if reply is None or reply.done():
            return
        if isinstance(message, messages.Error):
            reply.set_exception(RequestFailed(message.code, message.message))
        else:
            reply.set_result(message)

    def _share_out(self, message: messages.ServerMessage, request_id: int | None) -> None:
        """Give a message to the views and subscriptions that it concerns."""
        match message:
            case messages.Attached(channel=channel) if channel in self._views:
                assert self._life.welcome is not None
                self._views[channel].begin(message, window=self._life.welcome.input_window)
            case session_wire.Subscribed():
                for one in self._subscriptions:
                    if one.session_id == message.session_id:
                        one.begin(message)
            case session_wire.Event() | session_wire.Gap():
                for one in tuple(self._subscriptions):
                    if one.session_id == message.session_id:
                        one.told(message)
            case messages.Resized() | messages.Exited():
                self._told_of_terminal(message)
            case messages.Error() if request_id is None:
                self._refused(message)
            case _:
                if isinstance(message, NOTICES):
                    self._told_of_terminal(message)

    def _told_of_terminal(self, message: messages.Resized | messages.Exited | Notice) -> None:
        for view in concerned(message, self._views.values()):
            view.told(message)

    def _refused(self, error: messages.Error) -> None:
        """Something without an ``id`` was refused: typed bytes, of which the server counts none."""
        for view in tuple(self._views.values()):
            if view.is_typing:
                view.refused(RequestFailed(error.code, error.message))
                self.renew(view)


def _expect(message: messages.ServerMessage, kind: type[R]) -> R:
    if not isinstance(message, kind):
        raise RequestFailed("internal", f"the server answered with {message.type}")
    return message
