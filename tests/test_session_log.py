"""Events keep their numbers, and the newest can be given again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.bus import MAX_WOKEN, Bus
from ptybridge.core.session_events import Cancelled, TextDelta
from ptybridge.core.session_log import ENCODED_EVENTS, MAX_CHARACTERS, MAX_EVENTS, SessionLog
from ptybridge.core.values import SessionId
from tests.fakes import ManualClock


@given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 20), st.integers(0, 1000))
def test_what_follows_a_number_is_given_exactly(
    count: int, since: int, limit: int, before: int
) -> None:
    log = SessionLog(seq=before)
    for number in range(count):
        log.append(Cancelled(str(number)))
    assert (log.seq, log.oldest) == (before + count, before + 1)
    entries = log.after(before + since, limit=limit)
    wanted = list(range(before + since + 1, before + count + 1))[:limit]
    assert [entry.seq for entry in entries] == wanted
    assert [entry.event for entry in entries] == [Cancelled(str(n - before - 1)) for n in wanted]


@pytest.mark.parametrize("event", [Cancelled("x"), TextDelta("x", "y" * 10_000)])
def test_the_oldest_events_give_way(event: Cancelled | TextDelta) -> None:
    log = SessionLog()
    for _ in range(MAX_EVENTS + 5):
        log.append(event)
    size = 10_000 if isinstance(event, TextDelta) else 0
    kept = log.seq - log.oldest + 1
    assert kept == (MAX_CHARACTERS // size if size else MAX_EVENTS)
    with pytest.raises(LookupError):
        log.after(log.oldest - 2, limit=1)
    assert log.after(log.oldest - 1, limit=1)[0].seq == log.oldest


def test_only_new_events_keep_what_goes_over_the_wire() -> None:
    log = SessionLog()
    for _ in range(ENCODED_EVENTS + 5):
        log.append(Cancelled("x")).encoded = b"as it was sent"
    encoded = [entry.encoded is not None for entry in log.after(0, limit=MAX_EVENTS)]
    assert encoded == [False] * 5 + [True] * ENCODED_EVENTS


class Woken:
    def __init__(self) -> None:
        self.count = 0

    def wake(self) -> None:
        self.count += 1


def test_the_bus_wakes_each_subscriber_once_a_turn_whatever_was_published() -> None:
    clock = ManualClock()
    bus = Bus(clock)
    here, there = Woken(), Woken()
    bus.subscribe(SessionId("a"), here)
    bus.subscribe(SessionId("a"), here)
    bus.subscribe(SessionId("b"), there)
    for _ in range(1000):
        bus.publish(SessionId("a"))
    assert here.count == 0
    clock.advance(0.001)
    assert (here.count, there.count) == (1, 0)
    bus.unsubscribe(SessionId("a"), here)
    bus.unsubscribe(SessionId("a"), here)
    bus.publish(SessionId("a"))
    clock.advance(0.001)
    assert here.count == 1


def test_a_great_crowd_is_woken_in_several_turns_and_lets_others_have_theirs() -> None:
    clock = ManualClock()
    bus = Bus(clock)
    crowd = [Woken() for _ in range(2 * MAX_WOKEN + 10)]
    for each in crowd:
        bus.subscribe(SessionId("a"), each)
    between: list[int] = []

    def look() -> None:
        between.append(sum(each.count for each in crowd))
        if len(between) == 1:
            bus.publish(SessionId("a"))  # whom this turn has woken is woken again
            bus.unsubscribe(SessionId("a"), crowd[-1])
        clock.call_later(0.0, look)

    bus.publish(SessionId("a"))
    clock.call_later(0.0, look)
    for _ in range(8):
        clock.turn()
    assert between[:3] == [MAX_WOKEN, 2 * MAX_WOKEN, 3 * MAX_WOKEN - 1]
    assert [each.count for each in crowd] == [2] * (len(crowd) - 1) + [0]


def test_who_publishes_while_being_woken_is_woken_again() -> None:
    clock = ManualClock()
    bus = Bus(clock)

    class Echo(Woken):
        def wake(self) -> None:
            super().wake()
            if self.count < 3:
                bus.publish(SessionId("a"))

    echo = Echo()
    bus.subscribe(SessionId("a"), echo)
    bus.publish(SessionId("a"))
    clock.advance(0)
    assert echo.count == 3
