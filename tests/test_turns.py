"""Turns at reading: a single one never waits, of several one reads in each turn of the loop."""

import pytest

from ptybridge.core.turns import BULK_BYTES, BULK_SECONDS, SLICE_BYTES, Turn, Turns
from ptybridge.core.viewer import CHUNK_BYTES, READ_BYTES
from tests.fakes import ManualClock


class Printer:
    """A terminal whose program always has so much more to be read."""

    def __init__(self, number: int, brings: int, log: list[tuple[int, str, int]]) -> None:
        self.brings = brings
        self.is_watched = True
        self.is_broken = False
        self._number = number
        self._log = log
        self._sipped = 0

    def take_in(self, limit: int) -> int:
        count = min(limit, self.brings)
        self._log.append((self._number, "take", limit))
        return count

    def sip(self) -> int:
        if self.is_broken:
            raise OSError("broken")
        count = min(READ_BYTES, self.brings)
        self._sipped += count
        self._log.append((self._number, "sip", count))
        return count

    def pass_on(self) -> None:
        if self.is_broken:
            raise OSError("broken")
        self._log.append((self._number, "pass on", self._sipped))
        self._sipped = 0

    def watch(self, *, is_watched: bool) -> None:
        self.is_watched = is_watched


class Loop:
    """An event loop, whose terminals can always be read."""

    def __init__(self, count: int, *, brings: int = CHUNK_BYTES) -> None:
        self.clock = ManualClock()
        self.turns = Turns(self.clock)
        self.log: list[tuple[int, str, int]] = []
        self.printers = [Printer(number, brings, self.log) for number in range(count)]
        self.terminals = [Turn(self.turns, printer) for printer in self.printers]

    def turn(self) -> list[tuple[int, str, int]]:
        """What is done in one turn: what is due, then all that are watched can be read."""
        self.log.clear()
        self.clock.turn()
        for printer, terminal in zip(self.printers, self.terminals, strict=True):
            if printer.is_watched and printer.brings:
                terminal.take()
        return list(self.log)

    def crowd(self) -> None:
        """Let it be known that they print much, and have all of them wait, the first one last."""
        for _ in range(3):
            self.turn()

    def remove(self, number: int) -> Turn:
        self.printers.pop(number)
        return self.terminals.pop(number)


def test_who_prints_alone_is_read_in_each_turn_as_much_as_there_is() -> None:
    loop = Loop(1)

    assert [loop.turn() for _ in range(3)] == [[(0, "take", CHUNK_BYTES)]] * 3


def test_of_those_who_print_much_each_turn_reads_from_one_once() -> None:
    loop = Loop(3)
    loop.crowd()
    seen = [loop.turn() for _ in range(6)]

    assert [[number for number, *_ in turn] for turn in seen] == [[2], [1], [0], [2], [1], [0]]
    assert {(what, count) for turn in seen for _, what, count in turn} == {("sip", READ_BYTES)}


def test_who_waits_does_not_take_the_loops_time() -> None:
    loop = Loop(3)
    loop.turn()
    loop.turn()

    assert [printer.is_watched for printer in loop.printers] == [True, False, False]
    loop.turn()
    assert [printer.is_watched for printer in loop.printers] == [False, False, False]


def test_what_was_read_by_turns_is_passed_on_when_it_is_much() -> None:
    loop = Loop(2)
    loop.crowd()
    done = [event for _ in range(4 * SLICE_BYTES // READ_BYTES) for event in loop.turn()]

    passed = [event for event in done if event[1] == "pass on"]
    assert {number for number, *_ in passed} == {0, 1}
    assert {count for *_, count in passed} == {SLICE_BYTES}


@pytest.mark.parametrize("rest", [0, 1, READ_BYTES - 1])
def test_what_was_read_by_turns_is_passed_on_when_it_is_all(rest: int) -> None:
    loop = Loop(2)
    loop.crowd()
    loop.printers[1].brings = rest

    assert loop.turn() == [(1, "sip", rest), (1, "pass on", READ_BYTES + rest)]


def test_who_is_left_alone_is_read_as_much_as_there_is() -> None:
    loop = Loop(2)
    loop.crowd()
    loop.printers[0].brings = 0
    done = [event for _ in range(4) for event in loop.turn()]

    assert (0, "sip", 0) in done
    assert (1, "pass on", 3 * READ_BYTES) in done
    assert loop.printers[1].is_watched
    assert loop.turn() == [(1, "take", CHUNK_BYTES)]


def test_who_prints_little_never_waits() -> None:
    loop = Loop(3, brings=BULK_BYTES - 1)

    assert [[number for number, *_ in loop.turn()] for _ in range(3)] == [[0, 1, 2]] * 3


def test_who_has_printed_much_is_no_longer_taken_for_it_after_a_while() -> None:
    loop = Loop(2)
    loop.crowd()
    for printer in loop.printers:
        printer.brings = 1
    loop.turn()
    loop.turn()
    loop.clock.advance(BULK_SECONDS)

    assert loop.turn() == [(0, "take", CHUNK_BYTES), (1, "take", CHUNK_BYTES)]


def test_who_has_left_is_not_read_and_the_others_are() -> None:
    loop = Loop(3)
    loop.crowd()
    gone = loop.remove(1)
    gone.leave()
    gone.leave()

    numbers = {number for _ in range(4) for number, *_ in loop.turn()}

    assert numbers == {0, 2}


def test_who_reads_last_and_leaves_does_not_keep_the_next_waiting() -> None:
    loop = Loop(2)
    loop.turn()
    loop.remove(0).leave()

    assert loop.turn() == [(1, "take", CHUNK_BYTES)]


def test_who_leaves_before_another_comes_does_not_have_two_read_in_a_turn() -> None:
    loop = Loop(3)
    loop.turn()
    loop.turn()
    for terminal in loop.terminals[1:]:
        terminal.leave()
    loop.terminals[2].take()
    loop.remove(1)

    reads = [[what for _, what, _ in loop.turn() if what != "pass on"] for _ in range(6)]
    assert reads == [["sip"]] * 6


@pytest.mark.parametrize("turns", [0, 2])
def test_who_fails_at_its_turn_is_read_again_when_it_works(turns: int) -> None:
    loop = Loop(2)
    loop.crowd()
    for _ in range(turns):
        loop.turn()
    broken = loop.printers[1]
    broken.is_broken = True
    with pytest.raises(OSError, match="broken"):
        loop.turn()

    assert broken.is_watched
    broken.is_broken = False
    assert 1 in {number for _ in range(4) for number, *_ in loop.turn()}
