"""Who takes turns in which order."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import TypeVar

T = TypeVar("T")


def orders(subjects: Sequence[T], rounds: int) -> Iterator[Sequence[T]]:
    """An order for each round: in turn each is the first, and forwards and backwards.

    What runs first finds the machine as the one before it has left it. Behind terminado, which
    keeps all processors busy, a flood of the bare pseudo-terminal runs at 100 MB/s, and behind
    ptybridge at 75: the kernel and the host wake up to load, and fall asleep again. So nobody is
    always behind the same one (for three, six rounds are a Williams design).

    >>> ["".join(order) for order in orders("abc", 7)]
    ['abc', 'bca', 'cab', 'cba', 'bac', 'acb', 'abc']
    """
    ways = (subjects, subjects[::-1])
    turned = [[*way[at:], *way[:at]] for way in ways for at in range(len(way))]
    return islice(cycle(turned), rounds) if turned else iter(())
