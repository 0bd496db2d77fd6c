"""The statistics: pure functions over samples."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """What some rounds gave: their median, and the least and the greatest as the spread."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Summary":
        """Summarize one value a round.

        >>> Summary.of([3.0, 1.0, 2.0])
        Summary(median=2.0, low=1.0, high=3.0)

        Raises:
            ValueError: There are none.
        """
        if not values:
            raise ValueError("no rounds")
        return cls(statistics.median(values), min(values), max(values))


def percentile(samples: Sequence[float], percent: float) -> float:
    """The least sample that at least ``percent`` of them do not exceed (nearest rank).

    >>> percentile([5.0, 1.0, 4.0, 2.0, 3.0], 50)
    3.0

    Raises:
        ValueError: There are no samples, or ``percent`` is not above 0 and at most 100.
    """
    if not samples or not 0 < percent <= 100:
        raise ValueError("percentile of nothing, or out of range")
    return sorted(samples)[math.ceil(len(samples) * percent / 100) - 1]


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Round by round, so that what slowed a whole round down cancels out.

    Raises:
        ValueError: A round is missing on one side, or a denominator is 0.
    """
    if 0 in denominators:
        raise ValueError("too little to compare with: raise the amount that is measured")
    return [above / below for above, below in zip(numerators, denominators, strict=True)]
