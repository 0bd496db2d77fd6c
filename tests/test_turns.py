"""Turns at reading: a single one never waits, of several one reads in each turn of the loop."""

from collections.abc import Callable

from ptybridge.core.turns import BULK_BYTES, BULK_SECONDS, SLICE_BYTES, Turn, Turns
from ptybridge.core.viewer import CHUNK_BYTES
from tests.fakes import ManualClock


class Loop:
    """An event loop, whose terminals can always be read."""

    def __init__(self, count: int, *, brings: int = BULK_BYTES) -> None:
        self.clock = ManualClock()
        self.turns = Turns(self.clock)
        self.brings = brings
        self.read: list[tuple[int, int]] = []  # by whom, at most how much
        self.terminals = [Turn(self.turns, self._reading(number)) for number in range(count)]

    def _reading(self, number: int) -> Callable[[int], int]:
        def read(limit: int) -> int:
            self.read.append((number, limit))
            return min(limit, self.brings)

        return read

    def turn(self) -> list[tuple[int, int]]:
        """What is read in one turn: what is due, then all that can be read."""
        self.read = []
        self.clock.turn()
        for terminal in self.terminals:
            terminal.take()
        return self.read


def test_who_prints_alone_is_read_in_each_turn_as_much_as_there_is() -> None:
    loop = Loop(1)

    assert [loop.turn() for _ in range(3)] == [[(0, CHUNK_BYTES)]] * 3


def test_those_who_print_much_are_read_one_a_turn_in_order() -> None:
    loop = Loop(3)
    loop.turn()  # nobody knows yet that they do
    loop.turn()

    seen = [loop.turn() for _ in range(6)]

    assert [[number for number, _ in turn] for turn in seen] == [[1], [2], [0], [1], [2], [0]]
    assert {limit for turn in seen for _, limit in turn} == {SLICE_BYTES}


def test_who_prints_little_never_waits() -> None:
    loop = Loop(3, brings=BULK_BYTES - 1)

    assert [[number for number, _ in loop.turn()] for _ in range(3)] == [[0, 1, 2]] * 3


def test_who_has_printed_much_is_no_longer_taken_for_it_after_a_while() -> None:
    loop = Loop(2)
    loop.turn()
    loop.turn()
    loop.brings = 1
    loop.clock.advance(BULK_SECONDS)
    loop.turn()

    assert [number for number, _ in loop.turn()] == [0, 1]


def test_who_has_left_is_not_read_and_the_others_are() -> None:
    loop = Loop(3)
    loop.turn()
    loop.turn()
    gone = loop.terminals.pop(1)
    gone.leave()
    gone.leave()

    numbers = {number for _ in range(4) for number, _ in loop.turn()}

    assert numbers == {0, 2}


def test_who_reads_last_and_leaves_does_not_keep_the_next_waiting() -> None:
    loop = Loop(2)
    loop.turn()
    loop.terminals.pop(0).leave()

    assert loop.turn() == [(1, CHUNK_BYTES)]
