"""A terminal as one client views it, across cuts of the connection."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from ptybridge.client.errors import ClientError, ConnectionEnded, InputInDoubt
from ptybridge.client.links import LinkLost
from ptybridge.wire import frames, messages
from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.fields import RoleName
from ptybridge.wire.frames import Frame, Kind
from ptybridge.wire.notices import Notice

WINDOW_BYTES = 512 * 1024
"""Output that may come beyond what was taken: what a view holds at the most."""

ACK_BYTES = 128 * 1024
"""Taken output that is acknowledged at once; less, as soon as nothing more is there."""

PIECE_BYTES = 16 * 1024
"""Of one INPUT frame."""


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes of the program.

    Attributes:
        offset: Of the first byte in the terminal's stream.
        data: The bytes.
        is_old: They were printed before this view began: their bells have rung, and nothing in
            them is to be answered.
    """

    offset: int
    data: bytes
    is_old: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Bytes that rebuild the terminal on a reset emulator of that size.

    ``offset`` is of the output that follows.
    """

    offset: int
    rows: int
    cols: int
    data: bytes


Item = messages.Attached | Output | Snapshot | messages.Resized | messages.Exited | Notice
"""What a view gives: ``Attached`` where it begins, on a reset emulator, then what happens."""

Action = Literal["request", "grant", "release", "revoke"]


class Office(Protocol):
    """What a view needs of its client."""

    def post(self, item: messages.ClientMessage | Frame) -> None:
        """Send something that has no reply."""

    async def request(self, message: messages.ClientMessage) -> messages.ServerMessage:
        """Send a request, and wait for its reply."""

    def forget(self, view: "View") -> None:
        """A view has ended."""

    def renew(self, view: "View") -> None:
        """A view is to be detached, and attached anew."""


class View:
    """One terminal, viewed. Iterate over it for what happens; what was taken is acknowledged.

    After a cut it goes on from the byte where it broke off, without a word where nothing was
    missed; else it begins anew with ``Attached`` or a ``Snapshot``.

    Attributes:
        terminal_id: The terminal's name.
        attached: What the server said when the view began last; None before.
        is_live: Whether what is typed now reaches the server at once.
        on_refused: Called when typed bytes are refused; without it the next write raises that.
    """

    def __init__(
        self,
        office: Office,
        channel: int,
        terminal_id: str,
        *,
        rows: int,
        cols: int,
        role: RoleName | None = None,
        since: int | None = None,
    ) -> None:
        self.terminal_id = terminal_id
        self.attached: messages.Attached | None = None
        self.is_live = False
        self.on_refused: Callable[[ClientError], None] | None = None
        self.channel = channel
        self._office = office
        self._rows, self._cols, self._visible = rows, cols, True
        self._role = role
        self._received = since
        self._is_whole = since is not None
        """Whether all that was printed before ``_received`` has come, or a snapshot for it."""
        self._taken = self._acked = since or 0
        self._old_until = 0
        self._items: deque[Item] = deque()
        self._news = asyncio.Event()
        self._is_over = False
        self._failure: ClientError | None = None
        self._typing = asyncio.Lock()
        self._room = asyncio.Event()
        self._window = 0
        self._sent = self._input_acked = 0
        self._doubt = 0
        self._refusal: ClientError | None = None
        self._is_held = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.detach()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        """The next thing that happens; the one before counts as rendered.

        Raises:
            ClientError: The view has ended otherwise than with the terminal.
        """
        self._acknowledge(ACK_BYTES if self._items else 1)
        while not self._items:
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        item = self._items.popleft()
        if isinstance(item, Output):
            self._taken = item.offset + len(item.data)
        elif isinstance(item, Snapshot):
            self._taken = item.offset
        return item

    def _acknowledge(self, least: int) -> None:
        if self.is_live and not self._is_held and self._taken - self._acked >= least:
            self._acked = self._taken
            self._office.post(messages.Ack(self._taken, self.channel))

    # --- typing

    async def write(self, data: bytes) -> None:
        """Type ``data``; waits while the program does not take it, or the link is broken.

        Raises:
            InputInDoubt: A link broke with bytes of this or an earlier write on their way; what
                of ``data`` had not been sent yet is not typed.
            ClientError: The view has ended, or the server lets this one type nothing.
        """
        async with self._typing:
            for at in range(0, len(data), PIECE_BYTES):
                piece = data[at : at + PIECE_BYTES]
                self._check()
                while not self._has_room(len(piece)):
                    self._room.clear()
                    await self._room.wait()
                    self._check()
                self._office.post(Frame(Kind.INPUT, self.channel, self._sent, piece))
                self._sent += len(piece)

    async def drain(self) -> None:
        """Wait until the terminal has taken all that was typed, or has ended.

        Raises:
            InputInDoubt: A link broke with bytes on their way.
            ClientError: The view has ended otherwise, or the server lets this one type nothing.
        """
        self._check_what_was_typed()
        while self.is_typing and not self._is_over:
            self._room.clear()
            await self._room.wait()
            self._check_what_was_typed()

    def _has_room(self, size: int) -> bool:
        """Whether a piece may go; the first one may always, however small the window."""
        in_flight = self._sent - self._input_acked
        fits = in_flight == 0 or in_flight + size <= self._window
        return self.is_live and not self._is_held and fits

    def _check(self) -> None:
        self._check_what_was_typed()
        if self._is_over:
            raise ConnectionEnded(4001, "the terminal has ended")

    def _check_what_was_typed(self) -> None:
        if self._doubt:
            count, self._doubt = self._doubt, 0
            raise InputInDoubt(count)
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            raise refusal
        if self._failure is not None:
            raise self._failure

    # --- the rest of what a viewer may do

    def resize(self, rows: int, cols: int, *, visible: bool = True) -> None:
        """Say how large the viewer's own window is, and whether somebody can see it."""
        self._rows, self._cols, self._visible = rows, cols, visible
        if self.is_live:
            self._office.post(messages.Resize(rows, cols, self.channel, visible))

    async def control(self, action: Action, to: str | None = None) -> None:
        """Ask for the keyboard, hand it on to a viewer, give it up, or take it.

        Raises:
            RequestFailed: The server does not allow it.
        """
        await self._office.request(messages.Control(self.channel, action, to))

    def start_over(self) -> None:
        """Forget what was seen, and begin anew with the whole screen."""
        if self.is_live:
            self.suspend()
            self._received, self._is_whole = None, False
            self._items.clear()
            self._office.renew(self)

    def detach(self) -> None:
        """Stop viewing; the terminal goes on. Idempotent."""
        if self.is_live:
            self._office.post(messages.Detach(self.channel))
        self.end(None)

    # --- for the client

    def request(self) -> messages.Attach:
        """The ``attach`` that begins, or goes on."""
        return messages.Attach(
            channel=self.channel,
            terminal_id=self.terminal_id,
            rows=self._rows,
            cols=self._cols,
            since=self._received if self._is_whole else None,
            window=WINDOW_BYTES,
            role=self._role,
            created=None if self.attached is None else self.attached.terminal.created,
        )

    def begin(self, attached: messages.Attached, *, window: int) -> None:
        """Output follows; ``window`` is how much input may be in flight."""
        present = self.attached
        is_same = present is None or present.terminal.created == attached.terminal.created
        is_asked = self._is_whole and is_same and attached.offset == self._received
        is_resume = present is not None and is_asked
        # Else a snapshot follows, and a cut before its end must not have it taken for granted.
        self._is_whole = is_asked or attached.offset == 0
        self.attached = attached
        # Its end may be told before whoever opened it has been woken to learn its name.
        self.terminal_id = attached.terminal_id
        self._received = attached.offset
        # What an older link brought may be taken, and acknowledged, on this one.
        self._acked = min(self._taken, attached.offset) if is_resume else attached.offset
        self._sent = self._input_acked = 0
        self._window = window
        self._is_held = False
        self.is_live = True
        if not is_resume:
            self._taken = attached.offset
            self._old_until = attached.end
            self._give(attached)
        if not self._visible:
            self.resize(self._rows, self._cols, visible=False)
        self._room.set()

    def receive(self, frame: Frame) -> None:
        """A frame of this channel has come.

        Raises:
            LinkLost: It does not fit what came before.
        """
        if not self.is_live:
            return  # of a view that is being left, to begin anew
        if frame.kind is Kind.INPUT_ACK:
            self._input_acked = max(self._input_acked, frame.offset)
            self._room.set()
        elif frame.kind is Kind.OUTPUT:
            if frame.offset != self._received:
                raise LinkLost(1002, "output is not contiguous")
            self._received = frame.offset + len(frame.payload)
            self._is_whole = True
            old = min(max(0, self._old_until - frame.offset), len(frame.payload))
            for start, end in ((0, old), (old, len(frame.payload))):
                if end > start:
                    data = frame.payload[start:end]
                    self._give(Output(frame.offset + start, data, is_old=end <= old))
        elif frame.kind is Kind.SNAPSHOT:
            try:
                rows, cols, vt = frames.parse_snapshot(frame.payload)
            except MalformedMessage as error:
                raise LinkLost(1002, str(error)) from error
            self._received = frame.offset
            self._is_whole = True
            self._give(Snapshot(frame.offset, rows, cols, vt))

    @property
    def received(self) -> int:
        """Up to which offset the output has come; less than any where that is not known yet."""
        return -1 if self._received is None else self._received

    def told(self, message: messages.Resized | messages.Exited | Notice) -> None:
        """Something about the terminal has come."""
        self._give(message)
        if isinstance(message, messages.Exited):
            self.end(None)

    def hold(self) -> bool:
        """Type and acknowledge nothing more until it begins anew; whether nothing is in flight."""
        self._is_held = True
        return not self.is_typing

    @property
    def is_typing(self) -> bool:
        """Whether typed bytes are on their way."""
        return self._sent > self._input_acked

    def refused(self, error: ClientError) -> None:
        """What was on its way is not typed, and said to whoever types next."""
        if self.on_refused is None:
            self._refusal = error
        else:
            self.on_refused(error)
        self._sent = self._input_acked = 0
        self.suspend()

    def suspend(self) -> None:
        """The link is gone, or the view begins anew."""
        self.is_live = False
        self._doubt += self._sent - self._input_acked
        self._sent = self._input_acked = 0
        self._room.set()

    def end(self, failure: ClientError | None) -> None:
        """Nothing more comes; what came can still be taken. Idempotent."""
        if not self._is_over:
            self._is_over = True
            self._failure = failure
            self.is_live = False
            self._office.forget(self)
        self._news.set()
        self._room.set()

    def _give(self, item: Item) -> None:
        self._items.append(item)
        self._news.set()


def concerned(
    message: messages.Resized | messages.Exited | Notice, views: Iterable[View]
) -> list[View]:
    """Which of a connection's ``views`` a message is for, that names the terminal but no channel.

    That the terminal has ended comes to each behind the last byte of its output: so it is for one
    of those that have received most, and the others will be as far only later.
    """
    found = [view for view in views if view.terminal_id == message.terminal_id]
    if isinstance(message, messages.Exited) and found:
        return [max(found, key=lambda view: view.received)]
    return found
