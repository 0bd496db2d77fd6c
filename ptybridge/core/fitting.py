"""Fitting a terminal to its viewers' windows, at a pace that programs can follow."""

from collections.abc import Callable, Sequence
from typing import Final

from ptybridge.core.control import Control
from ptybridge.core.ports import Clock, Timer
from ptybridge.core.rules import Sizing
from ptybridge.core.sizing import smallest
from ptybridge.core.values import Role, WindowSize
from ptybridge.core.viewer import Viewer

RESIZE_INTERVAL: Final = 0.05
"""Seconds between two changes of size: a program gets at most 20 SIGWINCH a second."""

REFLOW_SECONDS: Final = 0.2
"""How long after a change of size several viewers are given a snapshot: emulators do not agree on
how lines flow anew, and programs have drawn themselves again by then."""


class Fitting:
    """Which size a terminal should have, and when it is given that."""

    def __init__(
        self,
        sizing: Sizing,
        *,
        clock: Clock,
        control: Control,
        viewers: Callable[[], Sequence[Viewer]],
        resize: Callable[[WindowSize], bool],
        has_screen: Callable[[], bool],
    ) -> None:
        """``resize`` gives the terminal a size, and says whether that was another one."""
        self._sizing = sizing
        self._clock = clock
        self._control = control
        self._viewers = viewers
        self._resize = resize
        self._has_screen = has_screen
        self._resized_at = float("-inf")
        self._timer: Timer | None = None
        self._reflow_timer: Timer | None = None

    def fit(self) -> None:
        """Give the terminal the size its viewers call for, now or in a moment."""
        if self._timer is not None:
            return
        wait = self._resized_at + RESIZE_INTERVAL - self._clock.time()
        if wait > 0:
            self._timer = self._clock.call_later(wait, self._fit_late)
        else:
            self._fit_now()

    def _fit_late(self) -> None:
        self._timer = None
        self._fit_now()

    def _fit_now(self) -> None:
        size = self.wanted()
        if size is not None and self._resize(size):
            self._resized_at = self._clock.time()
            if self._reflow_timer is not None:
                self._reflow_timer.cancel()
            self._reflow_timer = self._clock.call_later(REFLOW_SECONDS, self._reflow)

    def _reflow(self) -> None:
        """Have several viewers see the same after a resize."""
        self._reflow_timer = None
        viewers = self._viewers()
        if len(viewers) > 1 and self._has_screen():
            for viewer in viewers:
                viewer.start_over()

    def wanted(self) -> WindowSize | None:
        """The size by the rules; only visible viewers who may type have a say."""
        if self._sizing is Sizing.FIXED:
            return None
        voices = [
            viewer for viewer in self._viewers() if viewer.visible and viewer.role >= Role.WRITER
        ]
        holder = self._control.holder
        if self._sizing is Sizing.CONTROLLER and holder in voices:
            return holder.size
        return smallest(viewer.size for viewer in voices)

    def close(self) -> None:
        """Do not resize any more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._reflow_timer is not None:
            self._reflow_timer.cancel()
            self._reflow_timer = None
