"""When whom is to be looked at, so that a sweep looks at those whose time has come and no others.

A calendar of periods, each with the names of those who are due in it. What is written in is not
moved when it turns out to be later: who is looked at too early is written in anew. So a frame that
is heard, which puts a deadline off, costs nothing here.
"""

from typing import Generic, TypeVar

K = TypeVar("K")


class Agenda(Generic[K]):
    """Names by the time at which to look at them.

    >>> agenda = Agenda[str](period=1.0)
    >>> agenda.add("soon", 5.5, now=0.0)
    >>> agenda.add("late", 70.0, now=0.0)
    >>> agenda.take(4.0), agenda.take(5.7), agenda.take(6.0)
    ([], ['soon'], [])
    """

    __slots__ = ("_pages", "_period")

    def __init__(self, *, period: float) -> None:
        """``period`` is the seconds between two calls of ``take``, at least."""
        self._period = period
        self._pages: dict[int, list[K]] = {}

    def add(self, key: K, due: float, *, now: float) -> None:
        """Look at ``key`` when ``due`` has come, but not before the next ``take`` after ``now``.

        It is taken in the period of ``due``: less than a period early, so never late.
        """
        page = max(int(due // self._period), int(now // self._period) + 1)
        self._pages.setdefault(page, []).append(key)

    def take(self, now: float) -> list[K]:
        """Those to look at by ``now``, which are crossed out."""
        last = int(now // self._period)
        pages = sorted(page for page in self._pages if page <= last)
        return [key for page in pages for key in self._pages.pop(page)]
