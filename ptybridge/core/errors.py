"""What can go wrong, by what happens next rather than by who noticed.

``BridgeError``
    ``RequestError``    one request cannot be served; the connection lives on
        ``BadRequest`` ``NotFound`` ``Denied`` ``LimitReached`` ``Conflict`` ``Unavailable``
        ``AlreadyExists`` (a ``Conflict``) ``TooLarge`` (a ``LimitReached``) ``NoSpace``
    ``PtyError``        the operating system refused to start or to serve a program

The facts are attributes; the sentence is built once, here. ``code`` is the word of the wire
(docs/wire.md, "JSON messages").
"""

from typing import ClassVar


class BridgeError(Exception):
    """The root of all that ptybridge raises on purpose."""


class RequestError(BridgeError):
    """One request cannot be served; whoever sent it is told why and may go on."""

    code: ClassVar[str] = "internal"


class BadRequest(RequestError):
    """The request makes no sense as it stands."""

    code = "bad-message"


class NotFound(RequestError):
    """What the request names does not exist (or not for this identity)."""

    code = "not-found"

    def __init__(self, what: str, name: object) -> None:
        super().__init__(f"no such {what}: {name}")
        self.what = what
        self.name = name


class Denied(RequestError):
    """The identity's role does not allow it."""

    code = "denied"


class LimitReached(RequestError):
    """A configured limit would be exceeded."""

    code = "limit-reached"

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"limit reached: {what} ({limit})")
        self.what = what
        self.limit = limit


class Conflict(RequestError):
    """The request does not fit the present state."""

    code = "conflict"


class AlreadyExists(Conflict):
    """Something has that name already."""


class TooLarge(LimitReached):
    """Something is longer than it may be; ``limit`` is in bytes."""


class NoSpace(RequestError):
    """The disk is full, or the user's share of it."""

    code = "unavailable"


class Unavailable(RequestError):
    """Something outside of ptybridge did not do its part; trying later may help."""

    code = "unavailable"


class PtyError(BridgeError):
    """The operating system refused to start a program or to serve its pseudo-terminal."""
