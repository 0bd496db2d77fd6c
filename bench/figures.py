"""What a figure is: how it is taken, and what is expected of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bench.subjects import Subject
from bench.summary import Summary, ratios


@dataclass(frozen=True, slots=True)
class Target:
    """What a value of ptybridge's should be.

    Attributes:
        limit: The bound of the ratio or, without ``against``, of the value itself.
        against: Name of the subject to compare with; None for an absolute bound.
        at_least: Whether the bound is a lower one.
    """

    limit: float
    against: str | None = None
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether ``value``, a ratio or absolute, is within the bound."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of something there was: what a quantity is plotted over, to see how it grows.

    Attributes:
        of: What there were so many of, such as ``connections``.
        count: How many.
    """

    of: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity.

    Attributes:
        name: What was measured.
        unit: Its unit.
        rounds: For each subject by name, one value a round, in the order they were taken.
        targets: What is expected of ptybridge's values.
        scale: How much there was of what, where the same is measured with less and more.
    """

    name: str
    unit: str
    rounds: Mapping[str, Sequence[float]]
    targets: Sequence[Target] = field(default_factory=tuple)
    scale: Scale | None = None

    def compared(self, name: str, target: Target) -> Summary | None:
        """What ``target`` bounds, for the subject ``name``; None if something was not measured."""
        mine = self.rounds.get(name)
        if mine is None:
            return None
        if target.against is None:
            return Summary.of(mine)
        other = self.rounds.get(target.against)
        return None if other is None else Summary.of(ratios(mine, other))


class Figure(Protocol):
    """One experiment, which gives some rows.

    Attributes:
        name: What ``--only`` calls it.
    """

    name: str

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Take turns with all subjects.

        Raises:
            Unmeasured: It could not be done.
        """
