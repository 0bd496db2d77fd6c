"""Downloads that a terminal's program offers, by an escape sequence that only it can make.

``OSC 7750 ; COUNT ; SIZE ; PATH ; SIGNATURE ST``, where PATH is in URL-safe base64 and SIGNATURE
the HMAC-SHA-256 of what stands before it, under a key that is in the environment of that terminal's
program, and nowhere else. So no text that happens to be printed can offer anything: no file that an
attacker chose, and not the sequence itself when it is printed again, for COUNT only ever rises.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Self

from ptybridge.core.screen import DownloadAsked

CODE: Final = 7750
"""Number of the sequence; nobody else is known to use it."""

KEY_VARIABLE: Final = "PTYBRIDGE_TERMINAL_KEY"
TERMINAL_VARIABLE: Final = "PTYBRIDGE_TERMINAL"
"""What a terminal's program finds in its environment: the key, and the terminal's name."""

_SIGNED: Final = re.compile(
    r"(?P<count>[0-9]{1,20});(?P<size>[0-9]{1,19});(?P<path>[A-Za-z0-9_=-]{1,8000})\Z"
)


@dataclass(frozen=True, slots=True)
class DownloadOffered:
    """The program offers a file to whoever may type.

    Attributes:
        id: Another one for each offer of a terminal.
        path: The file's absolute path.
        size: Its length in bytes, as the program says.
    """

    id: str
    path: str
    size: int


class Offers:
    """Knows which offers are a terminal's program's own.

    Attributes:
        key: What the program signs with.
    """

    __slots__ = ("_count", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self._count = -1

    @classmethod
    def make(cls) -> Self:
        """Make a terminal's, with a new key."""
        return cls(secrets.token_hex(32))

    def accept(self, asked: DownloadAsked) -> DownloadOffered | None:
        """What is offered; None when it is not the program's, or came before."""
        signed, _, signature = asked.text.rpartition(";")
        expected = _signature(self.key, signed)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return None
        match = _SIGNED.match(signed)
        if match is None or int(match["count"]) <= self._count:
            return None
        try:
            path = base64.urlsafe_b64decode(match["path"]).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        self._count = int(match["count"])
        return DownloadOffered(match["count"], path, int(match["size"]))


def _signature(key: str, signed: str) -> str:
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()


def sequence(key: str, path: str, *, size: int, count: int) -> bytes:
    """The sequence that offers a file.

    Args:
        key: The terminal's.
        path: The file's absolute path.
        size: Its length in bytes.
        count: Greater than that of all offers before.
    """
    encoded = base64.urlsafe_b64encode(path.encode()).decode()
    signed = f"{count};{size};{encoded}"
    return f"\x1b]{CODE};{signed};{_signature(key, signed)}\x1b\\".encode()
