"""An agenda gives each name once, and in time."""

from hypothesis import given
from hypothesis import strategies as st

from ptybridge.server.agenda import Agenda

SECONDS = st.floats(0, 500, allow_nan=False)


@given(
    dues=st.lists(SECONDS, max_size=30),
    added=SECONDS,
    steps=st.lists(st.floats(1.0, 40.0), max_size=60),
)
def test_each_is_taken_once_in_the_period_when_it_is_due(
    dues: list[float], added: float, steps: list[float]
) -> None:
    agenda: Agenda[int] = Agenda(period=1.0)
    for key, due in enumerate(dues):
        agenda.add(key, due, now=added)
    now, left = added, set(range(len(dues)))
    for step in steps:
        now += step
        taken = agenda.take(now)
        assert len(taken) == len(set(taken))
        assert left.issuperset(taken)
        left.difference_update(taken)
        assert all(dues[key] < now + 1.0 for key in taken)
        assert all(dues[key] > now for key in left)


def test_who_is_due_already_has_to_wait_for_the_next_time() -> None:
    agenda: Agenda[str] = Agenda(period=1.0)
    agenda.add("again", 3.2, now=5.9)
    assert agenda.take(5.95) == []
    assert agenda.take(6.0) == ["again"]
