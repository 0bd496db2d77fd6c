"""The pool: who is connected, within limits, and by who they are."""

from dataclasses import replace

import pytest

from ptybridge.core.errors import LimitReached
from ptybridge.core.identity import OWNER, Identity
from ptybridge.core.values import ConnectionId, Role
from ptybridge.server.connection import Connection
from ptybridge.server.outlets import BinaryOutlet
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.router import Router

BY_TOKEN = replace(OWNER, grounds=("token:1",))
BY_LOGIN = replace(OWNER, grounds=("login:2", "token:1"))


def connection(name: str, identity: Identity) -> Connection:
    return Connection(
        ConnectionId(name),
        identity,
        dispatcher=Router(),
        make_sink=BinaryOutlet,
        on_closed=lambda _: None,
        time=lambda: 0.0,
    )


def parties(pool: ConnectionPool) -> dict[tuple[str, ...], set[str]]:
    return {
        party.identity.grounds: {one.id for one in party.connections} for party in pool.parties()
    }


def test_whoever_came_by_the_same_shares_an_identity() -> None:
    pool = ConnectionPool(limit=3, per_user=3)
    first, second = connection("a", BY_TOKEN), connection("b", replace(BY_TOKEN))
    for one in (first, second, connection("c", BY_LOGIN)):
        pool.add(one)
    assert parties(pool) == {BY_TOKEN.grounds: {"a", "b"}, BY_LOGIN.grounds: {"c"}}
    assert second.identity is first.identity
    pool.discard(first)
    pool.discard(first)
    pool.discard(second)
    assert parties(pool) == {BY_LOGIN.grounds: {"c"}}


def test_what_somebody_has_become_holds_for_all_their_connections() -> None:
    pool = ConnectionPool(limit=3, per_user=3)
    writer = replace(BY_TOKEN, role=Role.WRITER)
    before, after = connection("a", BY_TOKEN), connection("b", writer)
    pool.add(before)
    pool.add(after)
    party = next(iter(pool.parties()))
    pool.identify(party, writer)
    assert before.identity is after.identity
    assert parties(pool) == {BY_TOKEN.grounds: {"a", "b"}}
    pool.discard(before)
    pool.discard(after)
    assert parties(pool) == {}


def test_who_has_come_is_told_once_and_not_of_those_who_have_left_again() -> None:
    pool = ConnectionPool(limit=3, per_user=3)
    first, second = connection("a", BY_TOKEN), connection("b", BY_LOGIN)
    pool.add(first)
    pool.add(second)
    pool.discard(first)
    assert pool.take_arrived() == ["b"]
    pool.add(first)
    assert pool.take_arrived() == ["a"]
    assert pool.take_arrived() == []


def test_a_full_pool_takes_nobody() -> None:
    pool = ConnectionPool(limit=1, per_user=1)
    pool.add(connection("a", BY_TOKEN))
    with pytest.raises(LimitReached):
        pool.add(connection("b", BY_LOGIN))
    assert parties(pool) == {BY_TOKEN.grounds: {"a"}}
