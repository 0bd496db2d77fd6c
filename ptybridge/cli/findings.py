"""What ``ptybridge doctor`` finds: one line each, and how bad it is."""

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    """How bad it is."""

    GOOD = "ok"
    NOTE = "note"
    WEAK = "WEAK"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how bad it is, and what to do about it."""

    severity: Severity
    text: str


def weak(text: str) -> Finding:
    """Something that an attacker would like."""
    return Finding(Severity.WEAK, text)


def note(text: str) -> Finding:
    """Something that the operator should know."""
    return Finding(Severity.NOTE, text)


def good(text: str) -> Finding:
    """Something that is as it should be."""
    return Finding(Severity.GOOD, text)
