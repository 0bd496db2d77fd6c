"""Which answers of the library may reach a program, and in which form. Pure.

An answer is typed into the program's input, where a shell may read it, so only answers of a known
shape pass; none of them carries text that came in the stream. What the page cannot draw must not be
promised either: the library knows modes that xterm.js does not.
"""

import re
from typing import Final

_ALLOWED: Final = re.compile(
    rb"""
    (?: \x1b\[ [?>]? [0-9;]* [cnRty]                      # DA1, DA2, DSR, CPR, window size
      | \x1b\[ \?? (?P<mode>[0-9]+) ; [0-4] \$y           # DECRPM
      | \x1bP > \| ptybridge [ ]? [0-9a-z.]* \x1b\\       # XTVERSION
      | \x1bP ! \| [0-9A-F]+ \x1b\\                       # DA3
      | \x1bP [01] \$r [0-9;: "'$ *|a-zA-Z]{0,128} \x1b\\ # DECRPSS
      | \x1b\] (?: 4;[0-9]{1,3} | 1[0-9] ) ; rgb: [0-9a-f/]+ (?: \x07 | \x1b\\ )
    )""",
    re.VERBOSE,
)

_NOT_DRAWN: Final = frozenset({b"69", b"2027"})
"""DEC modes of the library that xterm.js lacks: left and right margins, grapheme clusters."""


def admitted(reply: bytes) -> bytes:
    """What of ``reply`` may be given to the program; empty for nothing.

    >>> admitted(bytes([27]) + b"[?0u")
    b''
    """
    passed = []
    position = 0
    while match := _ALLOWED.match(reply, position):
        position = match.end()
        mode = match["mode"]
        if mode in _NOT_DRAWN and match[0].startswith(b"\x1b[?"):
            passed.append(b"\x1b[?%s;0$y" % mode)
        else:
            passed.append(match[0])
    return b"".join(passed) if position == len(reply) else b""
