"""Output less what asks the terminal something.

The server answers what programs ask. A terminal emulator that is shown the same bytes would answer
too, and its answer would be typed into the program (design: one answer to every query).
"""

import re

MAX_HELD = 8192
"""Bytes of an unfinished sequence that are held back; then they go as they are."""

_QUERY = re.compile(
    rb"\x05"  # ENQ: the answerback message
    rb"|\x1bZ"  # DECID
    rb"|(?:\x1b\[|\xc2\x9b)(?:"
    rb"[0-9;?]*n"  # DSR, also DEC's; with > it is XTMODKEYS instead
    rb"|[>=]?[0-9;]*c"  # DA 1 to 3
    rb"|\??[0-9;]*\$p"  # DECRQM
    rb"|>[0-9;]*q"  # XTVERSION
    rb"|[0-9;]*x"  # DECREQTPARM
    rb"|[0-9;]*\*y"  # DECRQCRA
    rb"|\?u"  # the kitty keyboard protocol's flags
    rb"|\?2048h"  # reports of the size: the server's emulator gives them
    rb"|(?:11|13|14|15|16|18|19|20|21)(?:;[0-9;]*)?t"  # XTWINOPS that report
    rb"|\?[0-9;]*S"  # XTSMGRAPHICS
    rb")"
    rb"|\x1b\][0-9;]*;?[^\x07\x1b]*?;\?(?:;\?)*(?:\x07|\x1b\\)"  # OSC 4, 10 to 19, 52 with ?
    rb"|\x1bP[$+]q[^\x1b]*\x1b\\"  # DECRQSS, XTGETTCAP
)
_UNFINISHED = re.compile(
    rb"(?:\x1b|\x1b\[[0-?]*[ -/]*|\xc2|\xc2\x9b[0-?]*[ -/]*"
    rb"|\x1b\][^\x07\x1b]*\x1b?|\x1bP[^\x1b]*\x1b?)\Z"
)


class QueryFilter:
    r"""Takes queries out of a stream of output, cut anywhere.

    >>> keep = QueryFilter()
    >>> keep.feed(b"a\x1b[6nb\x1b[1")
    b'ab'
    >>> keep.feed(b"m\x1b[0c")
    b'\x1b[1m'
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What of ``data``, and of what was held back, can be shown."""
        whole = self._held + data
        unfinished = _UNFINISHED.search(whole, max(0, len(whole) - MAX_HELD))
        end = len(whole) if unfinished is None else unfinished.start()
        self._held = whole[end:]
        return _QUERY.sub(b"", whole[:end])

    def flush(self) -> bytes:
        """What is held back, at the end."""
        held, self._held = self._held, b""
        return held
