"""Passwords are hashed as RFC 9106 says, and checked in the same time whoever it is."""

import asyncio
import threading

import pytest

from ptybridge.adapters import passwords
from ptybridge.adapters.passwords import PasswordChecker, hash_password
from ptybridge.core.errors import LimitReached


async def test_a_password_is_checked_against_its_salted_hash() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    checker = PasswordChecker()
    assert await checker.check(first, "correct horse")
    assert await checker.check(second, "correct horse")
    assert not await checker.check(first, "Correct horse")
    assert not await checker.check(None, "the password of nobody")
    assert not await checker.check("no hash at all", "correct horse")
    assert not await checker.check(first, "x" * (passwords.MAX_CHARACTERS + 1))


async def test_an_unknown_user_costs_what_a_known_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified: list[str] = []

    class Counting:
        def verify(self, password_hash: str, password: str) -> bool:
            verified.append(password_hash)
            return False

    known = hash_password("correct horse")
    passwords._nobodys_hash()
    monkeypatch.setattr(passwords, "_hasher", Counting())
    checker = PasswordChecker()
    await checker.check(known, "wrong")
    await checker.check(None, "wrong")
    assert [text.rpartition("$")[0].rpartition("$")[0] for text in verified] == [
        "$argon2id$v=19$m=65536,t=3,p=4"
    ] * 2


async def test_only_so_many_checks_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(passwords, "_matches", lambda *_: gate.wait(20))
    checker = PasswordChecker()
    waiting = [asyncio.create_task(checker.check("h", "p")) for _ in range(passwords.MAX_WAITING)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(LimitReached):
            await checker.check("h", "p")
    finally:
        gate.set()
    assert await asyncio.gather(*waiting) == [True] * passwords.MAX_WAITING
