"""A screen that is shown plain text only when somebody needs it, and less of it than there was.

Text without controls changes nothing of a terminal but its cells and its cursor: colours, modes
and margins are the same behind it. So it can wait, and what would have scrolled out of the history
meanwhile need never be shown: a screen that has seen the last lines, as many as it remembers, is
the same as one that has seen them all.
"""

from collections import deque
from typing import Final

from ptybridge.core.screen import Screen, ScreenFormat, Snapshot
from ptybridge.core.values import WindowSize

WAITING_BYTES: Final = 1536 * 1024
"""How much text may wait: three or four milliseconds of work for whoever needs the screen."""

CONTROLS: Final = b"\x1b\a\x05\b\x0e\x0f\v\f"
"""What text is not plain with: ESC, BEL and ENQ say something, SO and SI choose a character set,
BS may go back to the line before (reverse wraparound), VT and FF begin a line as LF does and are
not counted. Other control characters do nothing, or move the cursor within its line.
"""

LONG_BYTES: Final = 2048
"""From so many bytes on it is faster to look for one control after the other."""

SHORT_LINE: Final = 40
"""Bytes of lines that are counted faster than removed."""

STRETCH_BYTES: Final = 16 * 1024
"""How much text is left out at once, at least."""


def is_plain(data: bytes) -> bool:
    """Whether ``data`` is text that may wait: ASCII only, of which all know what it costs."""
    if not data.isascii():
        return False
    if len(data) < LONG_BYTES:
        return len(data.translate(None, CONTROLS)) == len(data)
    return not (
        b"\x1b" in data
        or b"\a" in data
        or b"\x05" in data
        or b"\b" in data
        or b"\x0e" in data
        or b"\x0f" in data
        or b"\v" in data
        or b"\f" in data
    )


def count_lines(text: bytes) -> int:
    r"""How many lines end in ``text``.

    To count a character, Python looks at each; to remove it, it searches (memchr(3)): half the time
    where lines have the usual length, six times where they are as short as those of ``yes``.

    >>> [count_lines(line * 2000) for line in (b"y\r\n", b"x" * 80 + b"\r\n")]
    [2000, 2000]
    """
    if len(text) < LONG_BYTES or text.count(b"\n", 0, LONG_BYTES) > LONG_BYTES // SHORT_LINE:
        return text.count(b"\n")
    return len(text) - len(text.replace(b"\n", b""))


class Stretch:
    """Some of the text that waits.

    Attributes:
        head: What comes before ``text``: the beginning of its first line, if others were left out.
        text: It.
        lines: How many lines end in it.
        line_start: Where in ``text`` the line behind the last CR LF begins, 0 if there is none:
            behind a mere LF a line begins in the column where the one before it has ended.
    """

    __slots__ = ("head", "line_start", "lines", "text")

    def __init__(self) -> None:
        self.head: bytes | bytearray = b""
        self.text: bytes | bytearray = b""
        self.lines = 0
        self.line_start = 0

    def add(self, text: bytes) -> int:
        """Append ``text``; how many lines end in it."""
        lines = count_lines(text)
        if lines and (end := text.rfind(b"\r\n")) >= 0:
            self.line_start = len(self.text) + end + 2
        if not self.text:
            self.text = text
        elif isinstance(self.text, bytearray):
            self.text += text
        else:
            self.text = bytearray(self.text) + text
        self.lines += lines
        return lines

    def rest(self) -> bytes | bytearray:
        """The last line, as far as it is there."""
        return self.text[self.line_start :] if self.lines else self.head + self.text

    def __len__(self) -> int:
        return len(self.head) + len(self.text)


class LazyScreen:
    """A `ptybridge.core.screen.Screen` over another one, which nobody else uses.

    Attributes:
        remembered_lines: See `Screen`.
        waiting_bytes: How much text there is that the other screen was not fed yet.
    """

    def __init__(self, screen: Screen) -> None:
        self.waiting_bytes = 0
        self.remembered_lines = screen.remembered_lines
        self._screen = screen
        self._stretches: deque[Stretch] = deque()
        self._lines = 0
        self._may_leave_out: bool | None = None
        """None while it is not known."""

    @property
    def size(self) -> WindowSize:
        """The size of the emulator."""
        return self._screen.size

    def is_scrolling(self) -> bool:
        """Whether plain text scrolls the whole screen; see `Screen.is_scrolling`."""
        self.show_all()
        return self._screen.is_scrolling()

    def is_in_sequence(self) -> bool:
        """Whether something has begun that is no text; see `Screen.is_in_sequence`."""
        return not self._stretches and self._screen.is_in_sequence()

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream, or keep them; see `Screen.feed`."""
        stream = bytes(data)
        is_text = is_plain(stream)
        if is_text and self._may_wait():
            self._keep(stream)
            return
        self.show_all()
        if not is_text:
            self._may_leave_out = None
        self._screen.feed(stream)

    def keep(self, data: memoryview) -> bool:
        """Take the next bytes of the stream if they may wait; whether that is so.

        Raises:
            ScreenFailed: As from ``feed``.
        """
        stream = bytes(data)
        if not (is_plain(stream) and self._may_wait()):
            return False
        self._keep(stream)
        return True

    def show_all(self) -> None:
        """Feed the emulator what waits; ScreenFailed as from every method."""
        if self._stretches:
            text = self._stretches[0].head + b"".join([it.text for it in self._stretches])
            self._forget()
            self._screen.feed(text)

    def resize(self, size: WindowSize) -> None:
        """Change the size; see `Screen.resize`."""
        self.show_all()
        self._may_leave_out = None
        self._screen.resize(size)

    def snapshot(self, *, history_lines: int | None = None) -> Snapshot:
        """Write down the state; see `Screen.snapshot`."""
        self.show_all()
        return self._screen.snapshot(history_lines=history_lines)

    def rendered(self, form: ScreenFormat) -> bytes:
        """What is on the screen now; see `Screen.rendered`."""
        self.show_all()
        return self._screen.rendered(form)

    def compress(self) -> None:
        """Give back memory; see `Screen.compress`."""
        self.show_all()
        self._screen.compress()

    def close(self) -> None:
        """Free the emulator, and what waits. Idempotent."""
        self._forget()
        self._may_leave_out = False  # so that the emulator refuses what comes now
        self._screen.close()

    def _may_wait(self) -> bool:
        """Whether plain text may: not the end of a query, whose answer somebody waits for."""
        return self._may_leave_out is not False and not self.is_in_sequence()

    def _keep(self, text: bytes) -> None:
        if not self._stretches or len(self._stretches[-1].text) >= STRETCH_BYTES:
            self._stretches.append(Stretch())
        self._lines += self._stretches[-1].add(text)
        self.waiting_bytes += len(text)
        is_much = self._may_leave_out is None and self.waiting_bytes >= STRETCH_BYTES
        if is_much or self._lines > self.remembered_lines:
            self._leave_out()
        while self.waiting_bytes > WAITING_BYTES:
            oldest = self._stretches.popleft()
            self._lines -= oldest.lines
            self.waiting_bytes -= len(oldest)
            self._screen.feed(oldest.head + oldest.text)

    def _leave_out(self) -> None:
        """Drop lines behind which there are as many as the screen remembers.

        Where that cannot be, no more is kept until there was something else than text: then it
        may take long, too.
        """
        if self._may_leave_out is None:
            self._may_leave_out = self._screen.is_scrolling()
        while self._may_leave_out and len(self._stretches) > 1:
            oldest, following = self._stretches[0], self._stretches[1]
            if self._lines - oldest.lines < self.remembered_lines:
                break
            if oldest.lines and not oldest.line_start:
                self._may_leave_out = False
                break
            self._stretches.popleft()
            self._lines -= oldest.lines
            following.head = oldest.rest()
            self.waiting_bytes -= len(oldest) - len(following.head)

    def _forget(self) -> None:
        self._stretches.clear()
        self.waiting_bytes = self._lines = 0
