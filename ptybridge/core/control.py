"""Who of a terminal's viewers holds its keyboard."""

from collections.abc import Callable

from ptybridge.core.errors import Conflict, Denied
from ptybridge.core.ports import Clock, Timer
from ptybridge.core.rules import ControlMode
from ptybridge.core.values import Role, ViewerId
from ptybridge.core.viewer import Viewer

_WRITER = Role.WRITER

IDLE_SECONDS = 60.0
"""A holder who has not typed for so long gives the keyboard to whoever waits for it."""


class Control:
    """The keyboard of one terminal.

    In turn mode the first writer to come holds it, and it goes, in the order of asking, to who
    waits when its holder gives it up, leaves, loses the right to type or is idle. An owner can
    take it at any time. In free mode nobody has to ask, and who typed last counts as its holder
    where one is needed. All that changes here takes effect at once; ``changed`` is called after.

    Attributes:
        mode: How it is shared.
        holder: Who holds it now.
    """

    def __init__(self, mode: ControlMode, *, clock: Clock, changed: Callable[[], None]) -> None:
        self.mode = mode
        self.holder: Viewer | None = None
        self._clock = clock
        self._changed = changed
        self._waiting: dict[ViewerId, Viewer] = {}
        self._typed_at = clock.time()
        self._timer: Timer | None = None

    # --- the right to type

    def controls(self, viewer: Viewer) -> bool:
        """Whether what ``viewer`` types reaches the program."""
        if viewer.role < Role.WRITER:
            return False
        return self.mode is ControlMode.FREE or self.holder is viewer

    def waits(self, viewer: Viewer) -> bool:
        """Whether ``viewer`` has asked for the keyboard."""
        return viewer.id in self._waiting

    def check(self, viewer: Viewer) -> None:
        """Let ``viewer`` type: the one place where that is decided.

        Raises:
            Denied: It may not, or not now.
        """
        if viewer.role < _WRITER:
            raise Denied("a watcher cannot type")
        if self.holder is viewer:
            self._typed_at = self._clock.time()
        elif self.mode is ControlMode.FREE:
            self.holder = viewer
            self._changed()
        else:
            raise Denied("somebody else holds the keyboard: ask for it with control")

    # --- coming and going

    def join(self, viewer: Viewer) -> None:
        """A viewer has come, or may type now; without a holder it gets the keyboard."""
        if self.holder is None and viewer.role >= Role.WRITER:
            self._give(viewer)

    def leave(self, viewer: Viewer) -> None:
        """A viewer has gone, or may not type any more. Idempotent."""
        self._waiting.pop(viewer.id, None)
        if self.holder is viewer:
            self._give_next()

    # --- asking

    def request(self, viewer: Viewer) -> None:
        """Ask for the keyboard; an owner, or who finds it free, has it at once.

        Raises:
            Denied: The viewer may not type at all.
        """
        _check_role(viewer)
        if self.holder is viewer or self.mode is ControlMode.FREE:
            return
        if self.holder is None or viewer.role is Role.OWNER:
            self._take(viewer)
            return
        self._waiting[viewer.id] = viewer
        self._watch()
        self._changed()

    def release(self, viewer: Viewer) -> None:
        """Give the keyboard up, or the wish for it.

        Raises:
            Conflict: The viewer has neither.
        """
        if self._waiting.pop(viewer.id, None) is not None:
            self._changed()
        elif self.holder is viewer and self.mode is ControlMode.TURN:
            self._give_next()
        else:
            raise Conflict("control: there is nothing to release, you do not hold the keyboard")

    def grant(self, viewer: Viewer, to: Viewer) -> None:
        """Hand the keyboard to another; an owner makes a watcher a writer with it.

        Where an owner hands on what somebody else holds, what that one has typed and the program
        has not taken is dropped.

        Raises:
            Denied: ``viewer`` neither holds it nor is an owner, or ``to`` may not have it.
        """
        if self.holder is not viewer and viewer.role is not Role.OWNER:
            raise Denied("control: only who holds the keyboard, or an owner, can give it")
        if to.role < Role.WRITER and viewer.role is Role.OWNER:
            self.change_role(to, Role.WRITER)
        _check_role(to)
        if self.mode is not ControlMode.TURN or self.holder is to:
            return
        if self.holder is viewer:
            self._give(to)
        else:
            self._take(to)

    def revoke(self, viewer: Viewer, whom: Viewer | None = None) -> None:
        """Take the keyboard from who holds it; ``whom``, if named, may only watch from now on.

        What the loser has typed and the program has not taken is dropped.

        Raises:
            Denied: ``viewer`` is no owner.
        """
        if viewer.role is not Role.OWNER:
            raise Denied("control: only an owner can take the keyboard away")
        if whom is not None:
            self.change_role(whom, Role.WATCHER)
        elif self.mode is ControlMode.TURN and self.holder is not None:
            self._take(self._next)

    def change_role(self, viewer: Viewer, role: Role) -> None:
        """Let ``viewer`` do more or less from now on.

        What it has typed and the program has not taken is dropped with the right to type.

        Raises:
            Denied: Its identity may not do so much.
        """
        if role > viewer.highest_role:
            raise Denied(f"the viewer cannot be more than {viewer.highest_role.label}")
        viewer.role = role
        if role >= Role.WRITER:
            self.join(viewer)
        else:
            self.leave(viewer)
            viewer.terminal.stop_input(viewer)
        self._changed()

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give(self, viewer: Viewer | None) -> None:
        self.holder = viewer
        self._typed_at = self._clock.time()
        if viewer is not None:
            self._waiting.pop(viewer.id, None)
        self._watch()
        self._changed()

    def _take(self, viewer: Viewer | None) -> None:
        """Give the keyboard to ``viewer``; against its will, its holder has typed the last byte."""
        loser = self.holder
        self._give(viewer)
        if loser is not None:
            loser.terminal.stop_input(loser)

    @property
    def _next(self) -> Viewer | None:
        """Who has waited longest."""
        return next(iter(self._waiting.values()), None)

    def _give_next(self) -> None:
        self._give(self._next)

    def _watch(self) -> None:
        """Look again when the holder may have been idle for long enough."""
        if self._timer is None and self._waiting and self.holder is not None:
            wait = self._typed_at + IDLE_SECONDS - self._clock.time()
            self._timer = self._clock.call_later(max(wait, 0.0), self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._waiting or self.holder is None:
            return
        if self._clock.time() - self._typed_at >= IDLE_SECONDS:
            self._take(self._next)
        else:
            self._watch()


def _check_role(viewer: Viewer) -> None:
    if viewer.role < Role.WRITER:
        raise Denied("control: a watcher cannot have the keyboard")
