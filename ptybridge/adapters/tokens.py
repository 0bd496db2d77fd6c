"""One secret token for one owner: its file, and the cookies and tickets that stand in for it."""

import errno
import hashlib
import hmac
import os
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ptybridge.core.errors import LimitReached
from ptybridge.core.identity import Identity

TOKEN_BYTES = 32
"""Random bytes of a new token: 256 bit."""

MIN_TOKEN_CHARACTERS = 16
"""A shorter token could be guessed."""

MAX_FILE_BYTES = 4096
"""Bytes of a token file that are read."""

COOKIE_LIFETIME = 30 * 86_400.0
"""Seconds for which a login cookie is good."""

MAX_TICKETS = 10_000
"""Tickets that may be outstanding at once."""

OWNER = Identity("owner", "owner")
"""Whoever holds the token."""


class TokenFileError(Exception):
    """The token file cannot be used; the text is one line that names it and the way out."""


def load_token(path: Path) -> str:
    """Read the token, made at the first start, from a file that only its owner can read.

    Raises:
        TokenFileError: It cannot be made or read, is open to others, or holds no good token.
    """
    if not os.path.lexists(path):
        try:
            _make(path)
        except OSError as error:
            raise TokenFileError(
                f"{path}: cannot be made ({error.strerror}); "
                "set auth.tokenFile or PTYBRIDGE_STATE_DIR to a writable place"
            ) from error
    return read_token(path)


def read_token(path: Path) -> str:
    """Read a token that is there.

    Raises:
        TokenFileError: There is none, it cannot be read, is open to others, or is no good token.
    """
    mode, token = _read(path)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise TokenFileError(f"{path}: others may read it; run: chmod 600 {path}")
    if len(token) < MIN_TOKEN_CHARACTERS or len(token.split()) != 1 or not token.isprintable():
        raise TokenFileError(f"{path}: holds no usable token; remove it to have a new one made")
    return token


def _read(path: Path) -> tuple[int, str]:
    """The file's mode, and the text in it; empty if it is no regular file or not ASCII."""
    try:
        # O_NONBLOCK: opening a FIFO would wait for whoever writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            content = file.read(MAX_FILE_BYTES) if stat.S_ISREG(mode) else b""
    except OSError as error:
        # ELOOP: what O_NOFOLLOW says of a symbolic link (open(2)).
        reason = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise TokenFileError(f"{path}: cannot be read ({reason}); name another file") from error
    return mode, content.decode("ascii").strip() if content.isascii() else ""


def _make(path: Path) -> None:
    """Write a new token: the file appears whole, and never takes another's place."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another server was faster: its token is as good
            path.hardlink_to(unfinished)
    finally:
        unfinished.unlink(missing_ok=True)


class TokenAuthenticator:
    """Fulfils ``core.ports.Authenticator`` for one token and its owner.

    Login cookies are signed with a key derived from the token: they outlive a restart of the
    server and end with the token.
    """

    def __init__(
        self,
        token: str,
        *,
        ticket_lifetime: float,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Derive what is needed of the token.

        Args:
            token: The secret.
            ticket_lifetime: Seconds for which a ticket is good.
            clock: Seconds since any moment; tickets end by it.
            wall_clock: Seconds since the Unix epoch; cookies end by it.
        """
        self._digest = hashlib.sha256(token.encode()).digest()
        self._cookie_key = hmac.digest(token.encode(), b"ptybridge login cookie", "sha256")
        self._ticket_lifetime = ticket_lifetime
        self._clock = clock
        self._wall_clock = wall_clock
        self._tickets: dict[bytes, float] = {}

    def authenticate(self, token: str) -> Identity | None:
        """Whose token this is; digests are compared, so nothing is learnt from the time."""
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        return OWNER if hmac.compare_digest(digest, self._digest) else None

    def issue_cookie(self, identity: Identity) -> str:
        """Make the value of a login cookie."""
        body = f"{identity.id}.{secrets.token_urlsafe(16)}.{int(self._wall_clock())}"
        return f"{body}.{self._sign(body)}"

    def check_cookie(self, value: str) -> Identity | None:
        """Whose login cookie this is; None if it is forged or too old."""
        body, _, signature = value.rpartition(".")
        expected = self._sign(body)
        if not hmac.compare_digest(signature.encode(errors="replace"), expected.encode()):
            return None
        issued = int(body.rpartition(".")[2])
        is_fresh = 0 <= self._wall_clock() - issued < COOKIE_LIFETIME
        return OWNER if is_fresh else None

    def _sign(self, body: str) -> str:
        return hmac.new(self._cookie_key, body.encode(errors="replace"), "sha256").hexdigest()

    def issue_ticket(self, identity: Identity) -> str:
        """Make a ticket, good once and shortly.

        Raises:
            LimitReached: Too many are outstanding.
        """
        now = self._clock()
        while self._tickets and next(iter(self._tickets.values())) <= now:  # oldest first
            del self._tickets[next(iter(self._tickets))]
        if len(self._tickets) >= MAX_TICKETS:
            raise LimitReached("tickets", MAX_TICKETS)
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        self._tickets[hashlib.sha256(ticket.encode()).digest()] = now + self._ticket_lifetime
        return ticket

    def redeem_ticket(self, ticket: str) -> Identity | None:
        """Whose ticket this was; None if it was used, is too old, or never was one."""
        digest = hashlib.sha256(ticket.encode(errors="replace")).digest()
        expires = self._tickets.pop(digest, None)
        return None if expires is None or expires <= self._clock() else OWNER
