"""What waits for a disk that takes nothing stays bounded, and is the newest."""

from ptybridge.adapters.unwritten import WAITING_MARKS, Unwritten


def test_marks_that_wait_are_limited_and_the_oldest_give_way() -> None:
    older, newer = Unwritten(), Unwritten()
    for member in range(WAITING_MARKS):
        older.mark("main", f"guest {member}", 1)
    newer.mark("main", "guest 1", 2)
    newer.mark("main", "another", 3)
    newer.absorb(older)
    assert len(newer.marks) == WAITING_MARKS
    assert ("main", "guest 0") not in newer.marks
    assert newer.marks["main", "guest 1"] == 2
    assert newer.marks["main", "another"] == 3
