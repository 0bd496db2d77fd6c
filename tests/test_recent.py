"""The newest messages in memory: bounded, contiguous, and nothing that runs is dropped."""

from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core import recent
from ptybridge.core.recent import Recent, newest_of
from ptybridge.core.session_events import ChatMessage, Outcome, ToolUse


def message(number: int, text: str = "x", outcome: Outcome | None = "done") -> ChatMessage:
    return ChatMessage(f"m{number}", "user", "ann", text, 0.0, outcome, number=number)


def numbers(messages: list[ChatMessage]) -> list[int]:
    return [each.number for each in messages]


def filled(count: int) -> Recent:
    kept = Recent()
    for number in range(1, count + 1):
        kept.note(message(number))
    return kept


def test_the_oldest_give_way_and_numbers_go_on() -> None:
    kept = filled(recent.MAX_MESSAGES + 7)
    assert (len(kept), kept.last) == (recent.MAX_MESSAGES, recent.MAX_MESSAGES + 7)
    assert next(iter(kept)).number == 8


def test_much_text_gives_way_sooner() -> None:
    kept = Recent()
    for number in range(1, 6):
        kept.note(message(number, "x" * (recent.MAX_CHARACTERS // 3)))
    assert numbers(list(kept)) == [3, 4, 5]
    use = ToolUse("k", "shell", {"command": "x" * recent.MAX_CHARACTERS})
    kept.note(ChatMessage("m6", "assistant", "sh", "", 0.0, number=6, tools=(use,)))
    assert numbers(list(kept)) == [6]


def test_an_answer_that_runs_is_never_dropped_and_always_among_the_newest() -> None:
    kept = Recent()
    kept.note(message(1, "so far", None))
    for number in range(2, recent.MAX_MESSAGES + 100):
        kept.note(message(number))
    assert next(iter(kept)).number == 1
    last = recent.MAX_MESSAGES + 99
    assert numbers(kept.newest(limit=2, characters=99)) == [1, last - 1, last]
    kept.note(message(1, "so far and further", None))
    assert len(kept) == recent.MAX_MESSAGES


def test_a_page_ends_where_a_message_is_missing() -> None:
    kept = Recent()
    kept.note(message(1, "runs", None))
    for number in range(2, recent.MAX_MESSAGES + 3):
        kept.note(message(number))
    assert numbers(kept.before(6, limit=9, characters=99)) == [4, 5]
    assert kept.before(4, limit=9, characters=99) == []
    assert numbers(kept.before(2, limit=9, characters=99)) == [1]
    assert numbers(kept.before(10**9, limit=1, characters=99)) == [recent.MAX_MESSAGES + 2]


@given(
    st.lists(st.integers(0, 20), max_size=30),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 99),
)
def test_a_page_is_what_stands_before_it_as_far_as_it_fits(
    sizes: list[int], before: int, limit: int, characters: int
) -> None:
    messages = [message(number, "x" * size) for number, size in enumerate(sizes, 1)]
    kept = Recent()
    for each in messages:
        kept.note(each)
    page = kept.before(before, limit=limit, characters=characters)
    older = [each for each in messages if each.number < before]
    assert page == older[len(older) - len(page) :]
    assert page == newest_of(reversed(older), limit=limit, characters=characters)
    assert bool(page) == bool(older)
    if len(page) > 1:
        assert sum(each.characters for each in page) <= characters
    if len(page) < min(limit, len(older)):
        more = older[len(older) - len(page) - 1 :]
        assert sum(each.characters for each in more) > characters
