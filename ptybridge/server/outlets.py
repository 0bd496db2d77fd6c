"""How a viewer's output is put on the wire: one class for each way of speaking."""

import codecs
import itertools
from collections.abc import Sequence
from typing import assert_never

from ptybridge.core.events import (
    Exited,
    Notice,
    Resized,
    Snapshot,
    TerminalEvent,
    ViewerInfo,
    Viewers,
)
from ptybridge.core.offers import DownloadOffered
from ptybridge.core.screen import (
    Bell,
    ClipboardWrite,
    CommandFinished,
    CommandStarted,
    Notification,
    Progress,
    PromptMark,
    Title,
    WorkingDirectory,
)
from ptybridge.core.values import TerminalId
from ptybridge.server.links import Link
from ptybridge.wire import frames, messages, notices
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.frames import HEADER, Kind

RESET = "\x18\x1bc"
"""CAN ends an unfinished sequence, RIS resets (xterm control sequences, "VT100 Mode")."""

ACK_BYTES = 4096
"""Taken input that is acknowledged at once: who pastes waits for it."""

_OUTPUT = int(Kind.OUTPUT)

_make_decoder = codecs.getincrementaldecoder("utf-8")


def event_message(terminal_id: TerminalId, event: TerminalEvent) -> messages.ServerMessage:
    """The message that tells of ``event``."""
    match event:
        case Resized(size, offset):
            return messages.Resized(terminal_id, size.rows, size.cols, offset)
        case Exited(status):
            return messages.Exited(terminal_id, status.code, status.signal)
        case _:
            assert_never(event)


def viewer_state(viewer: ViewerInfo) -> notices.ViewerState:
    """A viewer as clients see it."""
    return notices.ViewerState(
        id=viewer.id,
        name=viewer.name,
        role=viewer.role.label,
        rows=viewer.size.rows,
        cols=viewer.size.cols,
        visible=viewer.visible,
        controls=viewer.controls,
        waits=viewer.waits,
        lagging=viewer.lagging,
    )


def notice_message(terminal_id: TerminalId, notice: Notice) -> messages.ServerMessage:
    """The message that tells of ``notice``."""
    message: messages.ServerMessage
    match notice:
        case Viewers(viewers):
            message = notices.Viewers(terminal_id, [viewer_state(viewer) for viewer in viewers])
        case Title(text):
            message = notices.Title(terminal_id, text)
        case WorkingDirectory(path, host):
            message = notices.Directory(terminal_id, path, host)
        case Bell():
            message = notices.Bell(terminal_id)
        case Notification(title, body):
            message = notices.Notification(terminal_id, title, body)
        case Progress(state, percent):
            message = notices.Progress(terminal_id, state.value, percent)
        case PromptMark(part):
            message = notices.PromptMark(terminal_id, part.value)
        case CommandStarted(command_line):
            message = notices.CommandStarted(terminal_id, command_line)
        case CommandFinished(exit_code):
            message = notices.CommandFinished(terminal_id, exit_code)
        case ClipboardWrite(selection, text):
            message = notices.Clipboard(terminal_id, selection, text)
        case DownloadOffered(offer_id, path, size):
            message = notices.DownloadOffered(terminal_id, offer_id, path, size)
        case _:
            assert_never(notice)
    return message


class BinaryOutlet:
    """Output as binary frames of ``ptybridge.v1``."""

    redraws = True

    __slots__ = ("_ack_due", "_acked", "_channel", "_link", "_taken", "_terminal_id")

    def __init__(self, link: Link, channel: int, terminal_id: TerminalId) -> None:
        self._link = link
        self._channel = channel
        self._terminal_id = terminal_id
        self._taken = 0
        self._acked = 0
        self._ack_due = False

    @property
    def is_ready(self) -> bool:
        """Whether output goes out at once."""
        return self._link.is_ready

    def output(self, offset: int, parts: Sequence[memoryview]) -> None:
        """Send an OUTPUT frame, straight from the tail."""
        key = (self._terminal_id, offset)
        self._link.send_binary(HEADER.pack(_OUTPUT, self._channel, offset), parts, key=key)

    def snapshot(self, snapshot: Snapshot) -> None:
        """Send a SNAPSHOT frame, as it is written."""
        header = HEADER.pack(Kind.SNAPSHOT, self._channel, snapshot.offset)
        size = frames.snapshot_payload(snapshot.size.rows, snapshot.size.cols, b"")
        self._link.stream_binary(header + size, snapshot.pieces)

    def event(self, event: TerminalEvent) -> None:
        """Send an event at its place."""
        self._link.post(messages.encode(event_message(self._terminal_id, event)))

    def notice(self, notice: Notice) -> None:
        """Send what has no place in the stream."""
        _send_notice(self._link, self._terminal_id, notice)

    def input_taken(self, count: int) -> None:
        """Send an INPUT_ACK: for a paste at once, for keys in a moment and for all of them."""
        self._taken = count
        if count - self._acked >= ACK_BYTES:
            self._ack()
        elif not self._ack_due:
            self._ack_due = True
            self._link.call_soon(self._ack_late)

    def _ack_late(self) -> None:
        self._ack_due = False
        if self._taken > self._acked:
            self._ack()

    def _ack(self) -> None:
        self._acked = self._taken
        self._link.post_binary(HEADER.pack(Kind.INPUT_ACK, self._channel, self._taken))


def _send_notice(link: Link, terminal_id: TerminalId, notice: Notice) -> None:
    """Post a notice, but for a clipboard's text: it may be larger than what may wait."""
    message = messages.encode(notice_message(terminal_id, notice))
    if isinstance(notice, ClipboardWrite):
        link.send_text(message)
    else:
        link.post(message)


class TextOutlet:
    """Output as JSON messages, decoded from UTF-8 without breaking a character.

    On a connection that is one terminal's alone (``/pty``), ``channel`` is None: its output
    names neither channel nor offset, and its end is the connection's.
    """

    redraws = False

    __slots__ = ("_channel", "_decoder", "_link", "_offset", "_terminal_id")

    def __init__(self, link: Link, channel: int | None, terminal_id: TerminalId) -> None:
        self._link = link
        self._channel = channel
        self._terminal_id = terminal_id
        self._decoder = _make_decoder("replace")
        self._offset = 0

    @property
    def is_ready(self) -> bool:
        """Whether output goes out at once."""
        return self._link.is_ready

    def output(self, offset: int, parts: Sequence[memoryview]) -> None:
        """Send what is whole; an unfinished character waits for its rest."""
        held, _ = self._decoder.getstate()
        text = "".join([self._decoder.decode(part) for part in parts])
        self._send(offset - len(held), text)
        self._offset = offset + sum(map(len, parts))

    def snapshot(self, snapshot: Snapshot) -> None:
        """Send a reset and what rebuilds the terminal; ``offset`` is what follows it."""
        self._decoder.reset()
        self._offset = snapshot.offset
        decode = _make_decoder("replace").decode
        texts = itertools.chain(
            (RESET,), (decode(piece) for piece in snapshot.pieces), (decode(b"", True) for _ in "1")
        )
        self._link.stream_text(self._message(snapshot.offset, text) for text in texts if text)

    def event(self, event: TerminalEvent) -> None:
        """Send an event at its place; what cannot become whole any more goes before the end."""
        if isinstance(event, Exited):
            held, _ = self._decoder.getstate()
            self._send(self._offset - len(held), self._decoder.decode(b"", True))
        self._link.post(messages.encode(event_message(self._terminal_id, event)))
        if isinstance(event, Exited) and self._channel is None:
            self._link.close(CloseCode.ENDED, "the terminal has ended")

    def notice(self, notice: Notice) -> None:
        """Send what has no place in the stream, unless the terminal is all there is."""
        if self._channel is not None:
            _send_notice(self._link, self._terminal_id, notice)

    def input_taken(self, count: int) -> None:
        """Say nothing: plain clients do not count."""

    def _send(self, offset: int, text: str) -> None:
        if text:
            self._link.send_text(self._message(offset, text))

    def _message(self, offset: int, text: str) -> bytes:
        if self._channel is None:
            return messages.encode(messages.Output(text))
        return messages.encode(messages.Output(text, self._channel, offset))
