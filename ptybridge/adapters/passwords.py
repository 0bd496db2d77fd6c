"""Passwords: argon2id hashes (RFC 9106), made and checked off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from ptybridge.core.errors import LimitReached

MIN_CHARACTERS = 8
MAX_CHARACTERS = 1024
"""Most that is hashed: a longer text is not checked at all."""

WORKERS = 2
"""Hashes computed at once; each takes 64 MiB of memory for about a tenth of a second."""

MAX_WAITING = 32
"""Checks that may wait for a worker."""

# RFC 9106 section 4, the second recommended choice: 3 passes, 4 lanes, 64 MiB, 128 bit of salt.
_hasher = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4, hash_len=32, salt_len=16)


def hash_password(password: str) -> str:
    """Hash a password, with a salt of its own, in argon2's notation."""
    return _hasher.hash(password)


@cache
def _nobodys_hash() -> str:
    """What the password of an unknown user is checked against, so that it takes as long."""
    return hash_password("the password of nobody")


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        is_right = _hasher.verify(password_hash or _nobodys_hash(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return is_right and password_hash is not None


class PasswordChecker:
    """Checks passwords in threads of its own, a few at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="password")
        self._waiting = 0

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password of that hash; None takes as long, and is False.

        Raises:
            LimitReached: Too many checks are waiting.
        """
        if len(password) > MAX_CHARACTERS:
            return False
        if self._waiting >= MAX_WAITING:
            raise LimitReached("passwords being checked", MAX_WAITING)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, _matches, password_hash, password)
        finally:
            self._waiting -= 1
