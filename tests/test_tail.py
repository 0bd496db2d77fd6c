"""The tail agrees with keeping everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.tail import Tail


@given(st.integers(1, 50), st.lists(st.binary(max_size=120)), st.data())
def test_read_agrees_with_keeping_everything(
    capacity: int, chunks: list[bytes], data: st.DataObject
) -> None:
    tail = Tail(capacity=capacity)
    everything = b"".join(chunks)
    for chunk in chunks:
        tail.append(chunk)
    assert tail.end == len(everything)
    assert tail.start == max(0, len(everything) - capacity)
    offset = data.draw(st.integers(tail.start, tail.end))
    limit = data.draw(st.integers(0, capacity + 5))
    assert tail.read(offset, limit=limit) == everything[offset : offset + limit]


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 80), st.binary(max_size=80))))
def test_filling_the_lent_room_is_appending(capacity: int, steps: list[tuple[int, bytes]]) -> None:
    lent, appended = Tail(capacity=capacity), Tail(capacity=capacity)
    for limit, data in steps:
        room = lent.room(limit)
        assert sum(map(len, room)) == min(limit, capacity)
        filled = data[: sum(map(len, room))]
        rest = filled
        for part in room:
            part[: len(rest)] = rest[: len(part)]
            rest = rest[len(part) :]
        lent.commit(len(filled))
        appended.append(filled)
    assert lent.end == appended.end
    assert lent.read(lent.start, limit=capacity) == appended.read(appended.start, limit=capacity)


def test_an_offset_that_has_left_the_tail_is_refused() -> None:
    tail = Tail(capacity=4)
    tail.append(b"abcdef")
    with pytest.raises(LookupError):
        tail.read(1, limit=1)
    with pytest.raises(LookupError):
        tail.read(7, limit=1)


@pytest.mark.parametrize(
    ("capacity", "data", "offset"),
    [
        pytest.param(10, b"ab\ncd", 0, id="nothing-dropped"),
        pytest.param(4, b"ab\ncd\nef", 6, id="line-begins-after-the-next-feed"),
        pytest.param(4, b"abcdefgh", 4, id="no-line-feed-at-all"),
        pytest.param(4, b"abcdef\nh", 7, id="behind-the-rings-seam"),
    ],
)
def test_the_oldest_whole_line(capacity: int, data: bytes, offset: int) -> None:
    tail = Tail(capacity=capacity)
    tail.append(data)
    assert tail.oldest_line() == offset


def test_an_unused_tail_occupies_no_memory() -> None:
    def resident() -> int:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    before = resident()
    tails = [Tail(capacity=1 << 20) for _ in range(64)]
    assert resident() - before < len(tails) * (1 << 20) / 8


def test_an_emptied_tail_holds_nothing_and_keeps_its_place() -> None:
    tail = Tail(capacity=4)
    tail.append(b"abcdef")
    tail.empty()
    assert (tail.start, tail.end, tail.oldest_line()) == (6, 6, 6)
    assert tail.read(6, limit=10) == b""
    with pytest.raises(LookupError):
        tail.slices(5, limit=1)
