"""The server's token: one secret for its owner, in a file that can be changed while it runs."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Self

from ptybridge.adapters.private_files import (
    PrivateFileError,
    Stamp,
    read_private,
    stamp,
    write_private,
)

TOKEN_BYTES = 32
"""Random bytes of a new token: 256 bit."""

MIN_TOKEN_CHARACTERS = 16
"""A shorter token could be guessed."""

MAX_FILE_BYTES = 4096
"""Bytes of a token file that are read."""


class TokenFileError(Exception):
    """The token file cannot be used; the text is one line that names it and the way out."""


def load_token(path: Path) -> str:
    """Read the token, made at the first start, from a file that only its owner can read.

    Raises:
        TokenFileError: It cannot be made or read, is open to others, or holds no good token.
    """
    if not os.path.lexists(path):
        _write(path, replace=False)
    return read_token(path)


def read_token(path: Path) -> str:
    """Read a token that is there.

    Raises:
        TokenFileError: There is none, it cannot be read, is open to others, or is no good token.
    """
    try:
        content = read_private(path, limit=MAX_FILE_BYTES)
    except PrivateFileError as error:
        raise TokenFileError(str(error)) from error
    token = content.decode("ascii").strip() if content.isascii() else ""
    if len(token) < MIN_TOKEN_CHARACTERS or len(token.split()) != 1 or not token.isprintable():
        raise TokenFileError(f"{path}: holds no usable token; remove it to have a new one made")
    return token


def rotate_token(path: Path) -> None:
    """Put a new token in the place of the old one; a server that runs notices by itself.

    Raises:
        TokenFileError: It cannot be written.
    """
    _write(path, replace=True)


def _write(path: Path, *, replace: bool) -> None:
    content = secrets.token_urlsafe(TOKEN_BYTES) + "\n"
    try:
        write_private(path, content.encode("ascii"), replace=replace)
    except PrivateFileError as error:
        raise TokenFileError(
            f"{error}; set auth.tokenFile or PTYBRIDGE_STATE_DIR to a writable place"
        ) from error


def digest_of(secret: str) -> bytes:
    """SHA-256 of a secret: what is kept and compared in its stead."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


class Token:
    """The token as it is now. Only its digest is kept.

    Attributes:
        ground: What an identity rests on that showed it: changes with the token.
    """

    def __init__(self, token: str, *, path: Path | None = None) -> None:
        """``path`` is the file to follow; without one the token stays."""
        self._path = path
        self._stamp: Stamp | None = None if path is None else stamp(path)
        self._take(token)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it from its file, made at the first start.

        Raises:
            TokenFileError: See ``load_token``.
        """
        return cls(load_token(path), path=path)

    def _take(self, token: str) -> None:
        self._digest = digest_of(token)
        # Of the digest, so that a record of the ground does not help to find the token.
        self.ground = f"token:{hashlib.sha256(self._digest).hexdigest()[:32]}"

    def matches(self, token: str) -> bool:
        """Whether this is it; digests are compared, so nothing is learnt from the time."""
        return hmac.compare_digest(digest_of(token), self._digest)

    def refresh(self) -> None:
        """Follow the file; where it is gone or unusable, the old token stays good."""
        if self._path is None or (found := stamp(self._path)) in (None, self._stamp):
            return
        self._stamp = found
        try:
            self._take(load_token(self._path))
        except TokenFileError as error:
            # Imported by need: commands that read a token start in half the time without it.
            import structlog  # noqa: PLC0415

            structlog.get_logger(__name__).warning(
                "the token file cannot be used; the old token stays", reason=str(error)
            )
