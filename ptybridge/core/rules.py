"""How the viewers of a terminal share it."""

import enum
from dataclasses import dataclass


class Sizing(enum.Enum):
    """Whose window a terminal is fitted to."""

    SMALLEST = "smallest"
    """What fits into the windows of all who may type and are visible."""
    CONTROLLER = "controller"
    """The window of who holds the keyboard, or typed last."""
    FIXED = "fixed"
    """Nobody's: a terminal keeps the size it was opened with."""


class ControlMode(enum.Enum):
    """How viewers share the keyboard."""

    FREE = "free"
    """Every writer types."""
    TURN = "turn"
    """One holds the keyboard; the others ask for it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a terminal is shared.

    Attributes:
        sizing: Whose window counts.
        control: Who may type.
    """

    sizing: Sizing = Sizing.SMALLEST
    control: ControlMode = ControlMode.FREE
