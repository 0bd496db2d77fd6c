"""Calling back whoever made an object, without keeping them.

Who holds its parts, and is called back by them, would otherwise be freed by the garbage collector
alone, which looks at what is old as seldom as it can (``cli.garbage``).
"""

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar
from weakref import WeakMethod

P = ParamSpec("P")
R = TypeVar("R")


class _Weakly(Generic[P, R]):
    __slots__ = ("_method", "_otherwise")

    def __init__(self, method: Callable[P, R], otherwise: R) -> None:
        self._method = WeakMethod(method)
        self._otherwise = otherwise

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        bound: Callable[P, R] | None = self._method()
        return self._otherwise if bound is None else bound(*args, **kwargs)


def weakly(method: Callable[P, R], otherwise: R) -> Callable[P, R]:
    """Call a bound method while its object is there; else give ``otherwise``.

    >>> class Owner:
    ...     def answer(self) -> int:
    ...         return 42
    >>> owner = Owner()
    >>> ask = weakly(owner.answer, 0)
    >>> first = ask()
    >>> del owner
    >>> first, ask()
    (42, 0)
    """
    return _Weakly(method, otherwise)
