"""Who types: known for some seconds, told only when it changes."""

from ptybridge.core.identity import Identity
from ptybridge.core.typists import MAX_TYPISTS, TYPING_SECONDS, Typists
from ptybridge.core.values import Role
from tests.fakes import ManualClock

ANN = Identity("ann", "Ann", Role.WRITER)
BOB = Identity("bob", "Bob", Role.WRITER)


class Told:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.changes = 0
        self.typists = Typists(self.clock, changed=self._count)

    def _count(self) -> None:
        self.changes += 1


def test_who_types_is_known_until_some_seconds_after_they_said_so_last() -> None:
    told = Told()
    told.typists.note(ANN)
    told.clock.advance(TYPING_SECONDS - 1)
    told.typists.note(BOB)
    told.typists.note(ANN)
    assert told.typists.names == {"ann": "Ann", "bob": "Bob"}
    assert told.changes == 2
    told.clock.advance(TYPING_SECONDS - 1)
    assert told.changes == 2
    told.clock.advance(1)
    assert told.typists.names == {}
    assert told.changes == told.typists.version == 4


def test_who_stops_is_forgotten_at_once_and_once() -> None:
    told = Told()
    told.typists.note(ANN)
    told.typists.encoded = b"..."
    told.typists.drop(ANN)
    told.typists.drop(ANN)
    assert told.typists.names == {}
    assert told.typists.encoded is None
    assert told.changes == 2
    told.clock.advance(10 * TYPING_SECONDS)
    assert told.changes == 2


def test_a_crowd_is_not_listed() -> None:
    told = Told()
    for number in range(MAX_TYPISTS + 5):
        told.typists.note(Identity(f"u{number}", "somebody", None))
    assert len(told.typists.names) == told.changes == MAX_TYPISTS
