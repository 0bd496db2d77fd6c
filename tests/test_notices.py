"""Notices are joined: of states the last, of the rest some tens, and not too often."""

from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.events import Notice
from ptybridge.core.notices import INTERVAL, MAX_LISTED, NoticeBox, Notices
from ptybridge.core.screen import Bell, CommandFinished, Notification, Title
from tests.fakes import ManualClock

notices = st.one_of(
    st.builds(Title, st.text(max_size=3)),
    st.just(Bell()),
    st.builds(Notification, st.just(""), st.text(max_size=3)),
    st.builds(CommandFinished, st.integers(0, 255)),
)


@given(st.lists(notices, max_size=3 * MAX_LISTED))
def test_a_box_keeps_the_last_of_each_state_and_the_newest_of_the_rest(given: list[Notice]) -> None:
    box = NoticeBox()
    for notice in given:
        box.add(notice)
    assert bool(box) == bool(given)
    taken = box.take()
    listed = [notice for notice in given if isinstance(notice, (Notification, CommandFinished))]
    kept = [notice for notice in taken if isinstance(notice, (Notification, CommandFinished))]
    assert kept == listed[-MAX_LISTED:]
    for kind in (Title, Bell):
        of_kind = [notice for notice in given if isinstance(notice, kind)]
        assert [notice for notice in taken if isinstance(notice, kind)] == of_kind[-1:]
    assert not box
    assert box.take() == []


def test_a_flood_of_bells_is_heard_at_a_steady_pace() -> None:
    clock = ManualClock()
    heard: list[tuple[float, list[Notice]]] = []
    told = Notices(clock, lambda given: heard.append((clock.now, given)))
    start = clock.now
    for _ in range(1000):
        told.add(Bell())
        clock.advance(0.001)
    told.flush()
    assert heard[0] == (start, [Bell()])
    assert len(heard) <= 1.0 / INTERVAL + 2
    told.add(Bell())
    told.close()
    count = len(heard)
    clock.advance(10)
    assert len(heard) == count
