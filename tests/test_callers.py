"""Whose word is taken for where a request comes from."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.server.callers import UNIX, TrustedProxies, parse_address
from ptybridge.server.throttle import MAX_ADDRESSES, Throttle, TooManyAttempts, site_of
from tests.fakes import ManualClock


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("192.0.2.1, 192.0.2.2", None),
    ],
)
def test_addresses_as_proxies_write_them(text: str, address: str | None) -> None:
    parsed = parse_address(text)
    assert (None if parsed is None else str(parsed)) == address


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        pytest.param([], "192.0.2.1", ["203.0.113.5"], "192.0.2.1", id="nobody-is-trusted"),
        pytest.param(["10.0.0.1"], "10.0.0.1", ["203.0.113.5"], "203.0.113.5", id="one-proxy"),
        pytest.param(["10.0.0.1"], "10.0.0.2", ["203.0.113.5"], "10.0.0.2", id="another-peer"),
        pytest.param(
            ["10.0.0.0/8"], "10.0.0.1", ["1.2.3.4, 203.0.113.5, 10.0.0.9"], "203.0.113.5",
            id="two-proxies-and-an-invention",
        ),
        pytest.param(
            ["10.0.0.0/8"], "10.0.0.1", ["1.2.3.4", "203.0.113.5"], "203.0.113.5", id="two-lines"
        ),
        pytest.param(["10.0.0.1"], "10.0.0.1", ["nonsense"], "10.0.0.1", id="nonsense"),
        pytest.param(["10.0.0.1"], "10.0.0.1", [], "10.0.0.1", id="no-header"),
        pytest.param([UNIX], UNIX, ["203.0.113.5"], "203.0.113.5", id="unix"),
        pytest.param(["10.0.0.1"], UNIX, ["203.0.113.5"], UNIX, id="unix-is-not-trusted"),
        pytest.param(
            ["2001:db8::/32"], "2001:db8::7", ["2001:db8::8, 2003::1"], "2003::1", id="ipv6"
        ),
    ],
)  # fmt: skip
def test_the_client_is_the_last_who_is_no_trusted_proxy(
    trusted: list[str], peer: str, forwarded: list[str], client: str
) -> None:
    assert TrustedProxies(trusted).client_of(peer, forwarded) == client


@given(st.lists(st.text(max_size=30), max_size=5))
def test_what_an_untrusted_peer_writes_changes_nothing(forwarded: list[str]) -> None:
    assert TrustedProxies(["10.0.0.1"]).client_of("192.0.2.1", forwarded) == "192.0.2.1"


@given(st.lists(st.text(max_size=30), max_size=5), st.ip_addresses())
def test_whatever_a_client_writes_the_proxy_s_entry_counts(
    invented: list[str], real: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    proxies = TrustedProxies(["10.0.0.1"])
    if str(real) != "10.0.0.1":
        found = proxies.client_of("10.0.0.1", [*invented, str(real)])
        assert parse_address(found) == parse_address(str(real))


@pytest.mark.parametrize("entry", ["example.org", "10.0.0.1/8", "10.0.0.256", "", "*"])
def test_what_is_no_network_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="no address, network, or unix"):
        TrustedProxies([entry])


# --- counting


def test_wrong_logins_count_for_a_minute() -> None:
    clock = ManualClock()
    throttle = Throttle(limit=3, time=clock.time)
    for _ in range(3):
        with throttle.attempt("192.0.2.1"):
            pass
        clock.advance(10)
    with pytest.raises(TooManyAttempts) as refusal, throttle.attempt("192.0.2.1"):
        pass
    assert refusal.value.retry_after == 30.0
    with throttle.attempt("192.0.2.2"):
        pass
    clock.advance(30)
    with throttle.attempt("192.0.2.1"):
        pass
    with pytest.raises(TooManyAttempts), throttle.attempt("192.0.2.1"):
        pass


def test_each_wrong_login_is_answered_later_to_a_limit() -> None:
    throttle = Throttle(limit=100, time=ManualClock().time)
    delays = []
    for _ in range(20):
        with throttle.attempt("192.0.2.1"):
            pass
        delays.append(throttle.delay("192.0.2.1"))
    assert delays[:3] == [0.05, 0.1, 0.2]
    assert max(delays) == delays[-1] == 1.0
    assert throttle.delay("192.0.2.2") == 0.0


def test_a_right_login_leaves_no_trace() -> None:
    throttle = Throttle(limit=1, time=ManualClock().time)
    for _ in range(5):
        with throttle.attempt("192.0.2.1") as attempt:
            attempt.is_right = True
    assert throttle.delay("192.0.2.1") == 0.0


def test_an_error_counts_as_wrong() -> None:
    throttle = Throttle(limit=1, time=ManualClock().time)
    with pytest.raises(ZeroDivisionError), throttle.attempt("192.0.2.1"):
        raise ZeroDivisionError
    with pytest.raises(TooManyAttempts), throttle.attempt("192.0.2.1"):
        pass


def test_one_network_of_ipv6_counts_as_one() -> None:
    assert site_of("2001:db8:1:2::1") == site_of("2001:db8:1:2:ffff::9")
    assert site_of("2001:db8:1:2::1") != site_of("2001:db8:1:3::1")
    assert site_of("192.0.2.1") != site_of("192.0.2.2")
    assert site_of(UNIX) == UNIX


def test_the_memory_of_addresses_is_limited() -> None:
    throttle = Throttle(limit=1, time=ManualClock().time)
    for number in range(MAX_ADDRESSES + 10):
        with throttle.attempt(str(ipaddress.IPv4Address(number))):
            pass
    assert len(throttle._failures) == MAX_ADDRESSES
