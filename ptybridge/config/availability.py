"""Settings that this version knows but cannot follow yet.

All names are known from the start, so that a file written for a later version is understood. What
such a setting asks for is never passed over in silence.
"""

from collections.abc import Iterator

from ptybridge.config.settings import Settings, value_of

REFUSED: tuple[str, ...] = ()
"""The start is refused: without what they ask for, the server would be more open than meant."""

WITHOUT_EFFECT = ("transport.mode",)
"""The start goes on with a warning."""


def _changed(settings: Settings, names: tuple[str, ...]) -> Iterator[str]:
    defaults = Settings()
    return (name for name in names if value_of(settings, name) != value_of(defaults, name))


def refusals(settings: Settings) -> list[str]:
    """A line for each setting that stops the start."""
    return [
        f"{name}: not available in this version; leave it out"
        for name in _changed(settings, REFUSED)
    ]


def warnings(settings: Settings) -> list[str]:
    """A line for each setting that is understood but changes nothing."""
    return [
        f"{name}: not available in this version; it has no effect"
        for name in _changed(settings, WITHOUT_EFFECT)
    ]
