"""How many links (OSC 8) the library is given: where a page of its is full of them, it panics.

To insert, delete or scroll lines it moves rows from one page to another, and a page that has no
room for their links ends the process: some 1,300 links or 26,000 cells of links in 46,240 cells, as
a long listing of files has. So what may become of links is fed in small pieces, and never more of
it than half of that in a page; what there really is, is looked at now and then. Until it is less,
links are left out: text is shown without them, which nobody sees who views the terminal live.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Final

from ptybridge.adapters.ghostty.marks import ESCAPE, WITHIN
from ptybridge.adapters.ghostty.model import cell_width_log2
from ptybridge.adapters.ghostty.state import TerminalState

MOST_LINKS: Final = 600
MOST_CELLS: Final = 12_000
"""What a page may have; two of them may come together."""

LINK_BYTES: Final = 9
"""The shortest link that is not the last one again, with its text."""

PIECE_BYTES: Final = 2048
REPEATED_CELLS: Final = 65_535
"""What one REP may print."""

LOOK_SECONDS: Final = 0.5
"""The least time between two looks, which take milliseconds."""

_CLOSE: Final = b"\x1b]8;;\x1b\\"
_OPENING: Final = re.compile(rb"(?:\x1b[%b]*\]|\x9d)[%b]*8[%b]*(?=;)" % (WITHIN, WITHIN, WITHIN))
_LIKE_ONE: Final = re.compile(rb"\][%b]*8[%b]*;" % (WITHIN, WITHIN))
_LIKE_ONE_BEHIND_A_STRING: Final = re.compile(rb"\x9d[%b]*8[%b]*;" % (WITHIN, WITHIN))
"""What every opening has in it. Each begins with one byte, which is faster looked for."""

_BEGUN: Final = re.compile(
    rb"(?:\x1b(?:[%b]*\])?|\x9d)(?:(?<!\x1b)[%b]*8)?[%b]*\Z" % (WITHIN, WITHIN, WITHIN)
)
_CONTROLS: Final = bytes(set(range(0x20)) - {0x1B})
_REPEAT: Final = re.compile(rb"(?:\x1b[%b]*\[|\x9b)[%b -?]*b" % (WITHIN, WITHIN))
_END_OF_REPEAT: Final = re.compile(rb"[%b -?\[]*b" % WITHIN)


class LinkGuard:
    """Looks after one screen's links.

    Args:
        look: What the library's state is now; None where it cannot be had.
        is_in_sequence: Whether something has begun there that is no text.
    """

    def __init__(
        self,
        look: Callable[[], TerminalState | None],
        is_in_sequence: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._is_in_sequence = is_in_sequence
        self._clock = clock
        self._looked_at = float("-inf")
        self._begun = b""
        self._left: int | None = None
        """Bytes that may be fed as they are; None while there are no links."""

    def is_unconcerned(self, stream: bytes) -> bool:
        """Whether ``stream`` need not be looked at: there are no links, and it begins none."""
        if self._left is not None or self._begun or ESCAPE in stream:
            return False
        return b"\x9d" not in stream or not self._is_in_sequence()

    def parts(self, stream: bytes, *, has_command: bool) -> Iterator[bytes]:
        """What the library is to be given for ``stream``; it has been given what came before.

        ``has_command`` is whether there may be an OSC in it.
        """
        if self._left is None:
            begun, self._begun = self._begun, self._beginning(stream)
            whole = begun + stream
            may_open = (begun or has_command) and _LIKE_ONE.search(whole)
            if not may_open and not (b"\x9d" in whole and _LIKE_ONE_BEHIND_A_STRING.search(whole)):
                yield stream
                return
            self._begun = begun
            self._left = 0
        for start in range(0, len(stream), PIECE_BYTES):
            piece = stream[start : start + PIECE_BYTES]
            if self._may_have(piece):
                self._begun = self._beginning(piece)
                yield piece
            else:
                yield self._without_links(piece)

    def _beginning(self, stream: bytes) -> bytes:
        """What of an opening has begun at the end of ``stream``, without controls."""
        whole = self._begun + stream
        last = max(whole.rfind(ESCAPE), whole.rfind(b"\x9d"))
        match = None if last < 0 else _BEGUN.match(whole, last)
        return match[0].translate(None, _CONTROLS) if match else b""

    def _may_have(self, piece: bytes) -> bool:
        cost = len(piece)
        if _REPEAT.search(piece) or _END_OF_REPEAT.match(piece):
            cost += REPEATED_CELLS
        if self._left is not None and self._left < cost:
            now = self._clock()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self._left = self._room()
        if self._left is None:
            if not _OPENING.search(self._begun + piece):
                return True
            self._left = min(MOST_LINKS * LINK_BYTES, MOST_CELLS)
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def _room(self) -> int | None:
        """How much may be fed before there can be too many links; None where there are none."""
        state = self._look()
        if state is None:
            return 0
        links = cells = 0
        is_open = False
        for buffer in state.screens.values():
            is_open = is_open or buffer.hyperlink is not None
            for packed in (*buffer.history[-1:], *buffer.pages):
                page = packed.decode()
                links = max(links, len(page.hyperlinks))
                if page.hyperlinks:
                    cells = max(cells, sum(map(_linked, page.flags, page.cells)))
        if not links and not is_open:
            return None
        return max(0, min(LINK_BYTES * (MOST_LINKS - links), MOST_CELLS - cells))

    def _without_links(self, piece: bytes) -> bytes:
        """``piece`` with another number where a link would open or close; an open one is closed.

        That is done where there is text, and before sequences, which end whatever was unfinished.
        """
        close = b"" if self._is_in_sequence() else _CLOSE
        begun, self._begun = self._begun, self._beginning(piece)
        whole = _OPENING.sub(rb"\g<0>9", begun + piece)[len(begun) :]
        first, last = whole.find(ESCAPE), whole.rfind(ESCAPE)
        if first < 0:
            return close + whole
        middle = _REPEAT.sub(_closed_before, whole[first:last])
        return close + whole[:first] + _CLOSE + middle + _CLOSE + whole[last:]


def _closed_before(match: "re.Match[bytes]") -> bytes:
    return _CLOSE + match[0]


def _linked(flags: int, cells: bytes) -> int:
    """How many of a row's cells are a link's."""
    if cell_width_log2(flags) != 3:
        return 0
    marks = cells[5::8]
    mask = int.from_bytes(b"\x20" * len(marks), "little")
    return (int.from_bytes(marks, "little") & mask).bit_count()
