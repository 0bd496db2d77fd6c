"""Marks in the stream: the shells' (OSC 133, FinalTerm's; OSC 633, VS Code's), our own. Pure.

The library keeps such marks to itself, so the stream is searched for them. ESC ends every other
sequence, hence ``ESC ] 133 ;`` is always the beginning of a mark, wherever it stands.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from ptybridge.core.offers import CODE
from ptybridge.core.screen import (
    CommandFinished,
    CommandStarted,
    DownloadAsked,
    PromptMark,
    PromptPart,
    ScreenEvent,
    WorkingDirectory,
)

MARK_LIMIT: Final = 8192
"""The longest mark in bytes; a longer one is no mark (a command line may be in it)."""

_OFFER: Final = b"%d" % CODE
_MARK: Final = re.compile(rb"\x1b\](133|633|%b);([^\x00-\x1f\x7f]*)(?:\x07|\x1b\\)" % _OFFER)
_BEGINNING: Final = re.compile(
    rb"\x1b(?:\](?:[16](?:33?)?|7(?:7(?:50?)?)?|(?:133|633|%b);[^\x00-\x1f\x7f]*\x1b?)?)?\Z"
    % _OFFER
)
ESCAPE: Final = b"\x1b"
WITHIN: Final = rb"\x00-\x06\x08-\x17\x19\x1c-\x1f"
"""Controls that may stand inside of a sequence without ending it, of a class of bytes."""

_COMMAND: Final = re.compile(rb"\x1b[]%b]" % WITHIN)
"""What begins an OSC, perhaps with controls in between, which the library passes over."""

_BRACKET: Final = b"]"
_CODE: Final = re.compile(rb"-?[0-9]{1,10}")
_VSCODE_ESCAPE: Final = re.compile(rb"\\(\\|x[0-9A-Fa-f]{2})")


class MarkScanner:
    """Finds marks in a stream that comes in chunks cut anywhere.

    Attributes:
        has_command: Whether anything in the chunk scanned last may be an OSC.
    """

    def __init__(self) -> None:
        self.has_command = False
        self._begun = b""
        self._command_line: str | None = None

    def scan(self, data: bytes) -> Sequence[tuple[int, ScreenEvent]]:
        """The marks that end in ``data``, each with the position after it."""
        # To look for single bytes costs a tenth of what the expression does, and most of what is
        # printed has no escape sequences or none that begins with ESC ].
        begun = self._begun
        self.has_command = False
        if not begun and ESCAPE not in data:
            return ()
        stream = begun + data
        found: list[tuple[int, ScreenEvent]] = []
        if _BRACKET in stream and _COMMAND.search(stream):
            self.has_command = True
            for match in _MARK.finditer(stream):
                event = self._event(match[1], match[2])
                if event is not None:
                    found.append((max(match.end() - len(begun), 0), event))
        self._begun = self._beginning(stream)
        return found

    def _beginning(self, stream: bytes) -> bytes:
        """The end of ``stream`` that may turn out to be a mark."""
        tail = stream[-MARK_LIMIT:]
        escape = tail.rfind(b"\x1b")
        if escape == len(tail) - 1 and escape > 0:  # perhaps the first half of a terminator
            before = tail.rfind(b"\x1b", 0, escape)
            if before >= 0 and _BEGINNING.match(tail[before:]):
                escape = before
        if escape < 0:
            return b""
        begun = tail[escape:]
        return begun if _BEGINNING.match(begun) else b""

    def _event(self, code: bytes, content: bytes) -> ScreenEvent | None:
        if code == _OFFER:
            return DownloadAsked(content.decode("ascii", errors="replace"))
        kind, *parameters = content.split(b";")
        first = parameters[0] if parameters else b""
        event: ScreenEvent | None = None
        match kind:
            case b"A":
                event = PromptMark(PromptPart.START)
            case b"B":
                event = PromptMark(PromptPart.END)
            case b"E" if code == b"633":
                self._command_line = _unescape(first) if parameters else None
            case b"C":
                command_line, self._command_line = self._command_line, None
                event = CommandStarted(command_line or _command_line(parameters))
            case b"D":
                event = CommandFinished(int(first) if _CODE.fullmatch(first) else None)
            case b"P" if code == b"633" and first.startswith(b"Cwd="):
                event = WorkingDirectory(_unescape(first[len(b"Cwd=") :]))
            case _:
                pass
        return event


def _command_line(parameters: list[bytes]) -> str | None:
    """The command line as kitty's and Ghostty's shell integrations add it to ``133;C``."""
    for parameter in parameters:
        if parameter.startswith(b"cmdline_url="):
            encoded = parameter[len(b"cmdline_url=") :]
            return _printable(unquote_to_bytes(encoded).decode(errors="replace"))
    return None


def _unescape(escaped: bytes) -> str:
    r"""Undo VS Code's escapes: ``\\`` and ``\xAB``."""
    text = _VSCODE_ESCAPE.sub(
        lambda match: b"\\" if match[1] == b"\\" else bytes([int(match[1][1:], 16)]), escaped
    )
    return _printable(text.decode(errors="replace"))


def _printable(text: str) -> str:
    """Without controls but line breaks and tabs: the text is shown to people."""
    return "".join(char for char in text if char in "\n\t" or char.isprintable() or char == " ")
