"""Following a session: its events across cuts of the connection, and what there is after a gap."""

import asyncio
import contextlib
from collections import deque
from typing import Protocol, Self

from ptybridge.client.errors import ClientError, LinkBroke
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire

MAX_WAITING = 10_000
"""Events that a subscription holds; what comes beyond is asked for again when it is wanted."""

Happening = wire.Event | wire.Gap
"""An event of a session, or a gap where some can no longer be given."""


class Office(Protocol):
    """What a subscription needs of its client."""

    async def request(self, message: messages.ClientMessage) -> messages.ServerMessage:
        """Send a request, and wait for its reply."""

    def forget_subscription(self, subscription: "Subscription") -> None:
        """A subscription has ended."""


class Subscription:
    """A session's events, in their order, each once. Iterate over it; the session's end ends it.

    Attributes:
        session_id: The session's name.
        state: The session as the server told it last: at the beginning, and after a cut.
        seq: The last event that came.
    """

    def __init__(self, office: Office, session_id: str, *, since: int | None = None) -> None:
        self.session_id = session_id
        self.state: wire.ChannelState | None = None
        self.state_seq = 0
        self.seq = since
        self._office = office
        self._waiting: deque[Happening] = deque()
        self._is_behind = False
        self._suspended_at: int | None = None
        self._news = asyncio.Event()
        self._is_over = False
        self._failure: ClientError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Happening:
        """The next event.

        Raises:
            ClientError: The connection is over for good.
        """
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                raise StopAsyncIteration
            if self._is_behind:
                self._is_behind = False
                with contextlib.suppress(LinkBroke):  # the next one is asked when it comes
                    await self._office.request(self.request())
            else:
                self._news.clear()
                await self._news.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Follow no more. Idempotent."""
        self.end(None)

    async def look_again(self) -> wire.ChannelState | None:
        """The session as it is now, as of event ``state_seq``; None where it has ended.

        For who has met a gap: whoever takes events too slowly is told of one without having been
        away, and of nothing that happened in it.

        Raises:
            RequestFailed: This client may not follow it any more.
            ConnectionEnded: The connection is over for good.
        """
        while not self._is_over:
            with contextlib.suppress(LinkBroke):
                await self._office.request(self.request())
                return self.state
        return None

    # --- the past, and what others are told of this member

    async def history(
        self, *, before: int | None = None, limit: int = 50
    ) -> list[wire.MessageState]:
        """Messages that stand before the one of number ``before``, or the newest, oldest first.

        They may be fewer than ``limit``; there are older ones while the first's number is not 1,
        as far as the server keeps them: then it gives none.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        page = await self._office.request(wire.History(self.session_id, before, limit))
        assert isinstance(page, wire.HistoryPage)
        return page.messages

    async def mark_read(self, number: int) -> None:
        """Say that all up to the message of that number was read.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        await self._office.request(wire.Read(number, self.session_id))

    async def typing(self, *, is_typing: bool = True) -> None:
        """Say that somebody types here, every few seconds while they do, or no more.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        await self._office.request(wire.TypingRequest(is_typing, self.session_id))

    # --- for the client

    @property
    def is_current(self) -> bool:
        """Whether it has, or holds, all that came until now."""
        return self.seq is not None and not self._is_behind and not self._is_over

    def request(self) -> wire.Subscribe:
        """The ``subscribe`` that begins, or goes on."""
        return wire.Subscribe(self.session_id, self.seq)

    def begin(self, subscribed: wire.Subscribed) -> None:
        """The server has told what there is; events follow."""
        self.state, self.state_seq = subscribed.session, subscribed.seq
        is_another = self._suspended_at is not None and subscribed.seq < self._suspended_at
        if self.seq is None or is_another:  # one that was made anew under the name
            self.seq = subscribed.seq
        self._suspended_at = None

    def suspend(self) -> None:
        """The link is gone; another may come."""
        self._suspended_at = self.seq

    def told(self, event: Happening) -> None:
        """An event has come, perhaps once more, perhaps too early.

        A connection follows its default session by itself; what lies between the last event here
        and those comes by the ``subscribe`` that is under way.
        """
        if isinstance(event, wire.Gap):
            first, last = event.first, event.last
        else:
            first = last = event.seq
        if self.seq is None or not first <= self.seq + 1 <= last:
            return
        if self._is_behind or self._is_over:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._is_behind = True
            return
        self.seq = last
        self._waiting.append(event)
        self._news.set()
        if isinstance(event, wire.SessionClosed):
            self.end(None)

    def end(self, failure: ClientError | None) -> None:
        """Nothing more comes; what came can still be taken. Idempotent."""
        if not self._is_over:
            self._is_over = True
            self._failure = failure
            self._office.forget_subscription(self)
        self._news.set()
