"""Refusals are written down once a minute for each kind and address, and few are remembered."""

import ipaddress

from ptybridge.server.refusals import Refusals
from ptybridge.server.throttle import MAX_ADDRESSES
from tests.fakes import ManualClock


class Noting:
    """An audit that keeps what it is told."""

    def __init__(self) -> None:
        self.noted: list[tuple[str | None, str | int | None]] = []

    def record(
        self,
        event: str,
        *,
        who: str | None = None,
        address: str | None = None,
        **facts: str | int | None,
    ) -> None:
        assert who is None
        assert event == "request.refused"
        self.noted.append((address, facts["reason"]))


def test_the_same_refusal_is_news_after_a_minute() -> None:
    clock, audit = ManualClock(), Noting()
    refusals = Refusals(audit, time=clock.time)
    for _ in range(3):
        refusals.note("request.refused", address="192.0.2.1", reason="host")
        refusals.note("request.refused", address="192.0.2.1", reason="origin")
        refusals.note("request.refused", address="192.0.2.2", reason="host")
        clock.advance(20)
    refusals.note("request.refused", address="192.0.2.1", reason="host")
    assert audit.noted == [
        ("192.0.2.1", "host"),
        ("192.0.2.1", "origin"),
        ("192.0.2.2", "host"),
        ("192.0.2.1", "host"),
    ]


def test_an_attacker_with_a_network_is_one_and_many_are_forgotten() -> None:
    audit = Noting()
    refusals = Refusals(audit, time=ManualClock().time)
    for number in range(5):
        refusals.note("request.refused", address=f"2001:db8::{number}", reason="host")
    assert len(audit.noted) == 1
    for number in range(MAX_ADDRESSES):
        address = str(ipaddress.IPv4Address(number))
        refusals.note("request.refused", address=address, reason="host")
    refusals.note("request.refused", address="2001:db8::1", reason="host")
    assert len(audit.noted) == MAX_ADDRESSES + 2
