"""Who is typing in a session's chat: told as it is now, kept nowhere."""

from collections.abc import Callable
from functools import partial

from ptybridge.core.identity import Identity
from ptybridge.core.ports import Clock, Timer

TYPING_SECONDS = 6.0
"""How long somebody counts as typing who does not say so again."""

MAX_TYPISTS = 32
"""More are not told of."""


class Typists:
    """Those who are typing.

    Attributes:
        version: A count that changes with who they are.
        encoded: What goes over the wire for that version, kept by who encoded it first.
    """

    __slots__ = ("_changed", "_clock", "_typists", "encoded", "version")

    def __init__(self, clock: Clock, *, changed: Callable[[], None]) -> None:
        """``changed`` is called when there is somebody more or less."""
        self.version = 0
        self.encoded: bytes | None = None
        self._clock = clock
        self._changed = changed
        self._typists: dict[str, tuple[str, Timer]] = {}

    @property
    def names(self) -> dict[str, str]:
        """Their names by the ids of their identities, in the order of beginning."""
        return {identity_id: name for identity_id, (name, _) in self._typists.items()}

    def note(self, identity: Identity) -> None:
        """Somebody types."""
        present = self._typists.get(identity.id)
        if present is None and len(self._typists) >= MAX_TYPISTS:
            return
        if present is not None:
            present[1].cancel()
        timer = self._clock.call_later(TYPING_SECONDS, partial(self.drop, identity))
        self._typists[identity.id] = (identity.name, timer)
        if present is None:
            self._change()

    def drop(self, identity: Identity) -> None:
        """Somebody types no more. Idempotent."""
        present = self._typists.pop(identity.id, None)
        if present is not None:
            present[1].cancel()
            self._change()

    def _change(self) -> None:
        self.version += 1
        self.encoded = None
        self._changed()
