"""A viewer: one connection's attachment to one terminal, which is a position in its stream."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ptybridge.core.errors import BadRequest
from ptybridge.core.events import Notice, Snapshot, TerminalEvent, ViewerInfo
from ptybridge.core.notices import NoticeBox
from ptybridge.core.values import Role, ViewerId, WindowSize

if TYPE_CHECKING:
    from ptybridge.core.terminal import Terminal

READ_BYTES = 4095
"""What one read of a pseudo-terminal gives, as a rule (N_TTY_BUF_SIZE, less one)."""

CHUNK_BYTES = 16 * READ_BYTES
"""Most bytes of output in one frame: read until empty, then send once, but let others in. A
multiple, or each chunk of a flood would end with a read of the few bytes that still fit.
"""


class ViewerSink(Protocol):
    """The connection's side of a viewer: what it is given goes out in the order of the calls."""

    @property
    def is_ready(self) -> bool:
        """Whether output goes out at once; when it turns true again, ``pump`` is called."""

    @property
    def redraws(self) -> bool:
        """Whether a snapshot replaces what was shown; a reader of plain text sees it twice."""

    def output(self, offset: int, parts: Sequence[memoryview]) -> None:
        """Send output; ``parts`` are only good during the call."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """Send what replaces all output before ``snapshot.offset``.

        Not ready until all its pieces have gone out.
        """

    def event(self, event: TerminalEvent) -> None:
        """Send what happened at this place of the stream."""

    def notice(self, notice: Notice) -> None:
        """Send what has no place in the stream."""

    def input_taken(self, count: int) -> None:
        """The program's terminal has taken ``count`` bytes of this viewer's input in all."""


class Viewer:
    """A role, a window and a position. It holds no output: the terminal's tail does.

    ``position`` None asks for a snapshot before all output.

    Attributes:
        id: Its name among the terminal's viewers.
        name: The name of the identity behind it.
        role: What it may do.
        highest_role: The most that its role can be made.
        size: Its own window in cells.
        visible: Whether somebody can see it; hidden ones have no say in the size.
        sent: Offset of the first byte not yet sent.
        acked: Offset of the first byte not yet known to be rendered.
        input_received: Bytes of input that came from it.
        is_lagging: It has fallen so far behind that it may need a snapshot to come back.
    """

    __slots__ = (
        "_needs_snapshot",
        "_next_mark",
        "_notices",
        "_sink",
        "_terminal",
        "_window",
        "acked",
        "highest_role",
        "id",
        "input_received",
        "is_lagging",
        "name",
        "role",
        "sent",
        "size",
        "visible",
    )

    def __init__(
        self,
        terminal: "Terminal",
        sink: ViewerSink,
        *,
        viewer_id: ViewerId,
        name: str,
        role: Role,
        highest_role: Role,
        size: WindowSize,
        window: int,
        position: int | None,
    ) -> None:
        self._terminal = terminal
        self._sink = sink
        self._window = window
        self._needs_snapshot = position is None
        position = terminal.tail.end if position is None else position
        self._next_mark = terminal.marks.first_from(position)
        self.id = viewer_id
        self.name = name
        self.role = role
        self.highest_role = highest_role
        self.size = size
        self.visible = True
        self.sent = position
        self.acked = position
        self.input_received = 0
        self.is_lagging = False
        self._notices: NoticeBox | None = None

    @property
    def terminal(self) -> "Terminal":
        """What it views."""
        return self._terminal

    @property
    def is_stalled(self) -> bool:
        """Whether there is output that it cannot take now."""
        return self.sent < self._terminal.tail.end or self._needs_snapshot

    @property
    def info(self) -> ViewerInfo:
        """What the others see of it."""
        control = self._terminal.control
        return ViewerInfo(
            self.id,
            self.name,
            self.role,
            self.size,
            self.visible,
            controls=control.controls(self),
            waits=control.waits(self),
            lagging=self.is_lagging,
        )

    def begin(self) -> None:
        """Take part: its window counts, and it is sent what there is."""
        self._terminal.joined(self)
        self._terminal.drain(self)

    def pump(self) -> None:
        """Send all that the viewer may have now, in pieces of at most ``CHUNK_BYTES``."""
        tail, marks, sink = self._terminal.tail, self._terminal.marks, self._sink
        if self._notices is not None:
            self._send_notices(self._notices)
        while sink.is_ready:
            sent = self.sent
            limit = CHUNK_BYTES
            if self._window:
                limit = min(limit, self._window - (sent - self.acked))
            if self._needs_snapshot or sent < tail.start:
                if limit <= 0:
                    return
                self._skip_ahead()
                continue
            if self._next_mark < marks.end:
                self._next_mark = max(self._next_mark, marks.start)
                place, event = marks.at(self._next_mark)
                if place <= sent:
                    self._next_mark += 1
                    sink.event(event)
                    continue
                limit = min(limit, place - sent)
            limit = min(limit, tail.end - sent)
            if limit <= 0:
                return
            self.sent = sent + limit
            sink.output(sent, tail.slices(sent, limit=limit))
            if self.sent == tail.end and self._next_mark >= marks.end:
                return

    def _skip_ahead(self) -> None:
        """Replace output that is gone by a snapshot."""
        snapshot = self._terminal.snapshot()
        self._needs_snapshot = False
        self.sent = snapshot.offset
        # It has the size that the terminal has now, even if a byte or two are held back.
        self._next_mark = self._terminal.marks.first_from(self._terminal.tail.end)
        self._sink.snapshot(snapshot)

    def start_over(self) -> None:
        """Have the viewer given a snapshot before more output, if that replaces what it shows."""
        if self._sink.redraws:
            self._needs_snapshot = True
            self.pump()

    def tell(self, notices: Sequence[Notice]) -> None:
        """Send ``notices``; while they cannot go out, few of them are kept."""
        if self._notices is None and self._sink.is_ready:
            for notice in notices:
                self._sink.notice(notice)
            return
        self._notices = self._notices or NoticeBox()
        for notice in notices:
            self._notices.add(notice)

    def _send_notices(self, box: NoticeBox) -> None:
        if self._sink.is_ready:
            self._notices = None
            for notice in box.take():
                self._sink.notice(notice)

    def ack(self, offset: int) -> None:
        """Note that all before ``offset`` is rendered; repeats and old ones are harmless.

        Raises:
            BadRequest: The offset was never sent.
        """
        if offset > self.sent:
            raise BadRequest("ack: offset lies beyond what was sent")
        if offset > self.acked:
            self.acked = offset
            if self._window:
                self._terminal.drain(self)

    def write(self, data: bytes, *, offset: int | None = None) -> None:
        """Type ``data``, if the viewer may (``Control.check``).

        Args:
            data: What the program is to get.
            offset: Input bytes that the viewer believes it has sent before, where its
                transport counts them.

        Raises:
            Denied: The viewer's role does not allow it, or another holds the keyboard.
            BadRequest: ``offset`` shows that input was lost or sent twice.
            Conflict: The program has ended.
            LimitReached: The program has left too much input unread; nothing was written.
        """
        self._terminal.control.check(self)
        if offset is not None and offset != self.input_received:
            raise BadRequest(f"input: offset is not {self.input_received}, what came before")
        self._terminal.write(self, data)

    def input_taken(self, count: int) -> None:
        """Tell the viewer that ``count`` bytes of its input have been taken in all."""
        if self in self._terminal.viewers:
            self._sink.input_taken(count)

    def resize(self, size: WindowSize, *, visible: bool) -> None:
        """Note the viewer's own window; the terminal follows by the rules of sizing."""
        if size != self.size or visible != self.visible:
            self.size = size
            self.visible = visible
            self._terminal.viewers_changed()

    def limit(self, role: Role) -> None:
        """Be no more than ``role`` from now on; what may not be typed any more is dropped."""
        self.highest_role = min(role, self.highest_role)
        if self.role > self.highest_role:
            self._terminal.control.change_role(self, self.highest_role)

    def detach(self) -> None:
        """Stop viewing. Idempotent."""
        self._terminal.detach(self)
