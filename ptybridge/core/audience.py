"""The viewers of a terminal, and what they are told beside the stream."""

from collections.abc import Iterator, Sequence

from ptybridge.core.control import Control
from ptybridge.core.errors import NotFound
from ptybridge.core.events import Notice, Viewers
from ptybridge.core.notices import Notices
from ptybridge.core.offers import DownloadOffered
from ptybridge.core.ports import Clock
from ptybridge.core.screen import ClipboardWrite
from ptybridge.core.values import Role, ViewerId
from ptybridge.core.viewer import Viewer
from ptybridge.core.weakly import weakly


class Audience:
    """Who views a terminal, in the order of coming."""

    def __init__(self, *, clock: Clock, control: Control) -> None:
        self._viewers: dict[ViewerId, Viewer] = {}
        self._control = control
        self._notices = Notices(clock, weakly(self._deliver, None))
        self._roster = Viewers(())

    def __iter__(self) -> Iterator[Viewer]:
        """Walk over those who view now; they may come and go meanwhile."""
        return iter(tuple(self._viewers.values()))

    def __len__(self) -> int:
        """How many view it."""
        return len(self._viewers)

    def __contains__(self, viewer: Viewer) -> bool:
        """Whether ``viewer`` has come and not gone."""
        return viewer.id in self._viewers

    def add(self, viewer: Viewer) -> None:
        """Take a viewer in; nobody is told before ``changed``."""
        self._viewers[viewer.id] = viewer

    def remove(self, viewer: Viewer) -> bool:
        """Let a viewer go; whether it was there."""
        return self._viewers.pop(viewer.id, None) is not None

    def named(self, name: str) -> Viewer:
        """The viewer of that name.

        Raises:
            NotFound: There is none.
        """
        viewer = self._viewers.get(ViewerId(name))
        if viewer is None:
            raise NotFound("viewer of this terminal", "(to)")
        return viewer

    def tell(self, notice: Notice) -> None:
        """Have all viewers told soon."""
        self._notices.add(notice)

    def changed(self) -> None:
        """Have all viewers told soon who views now."""
        self._notices.add(self._roster)

    def flush(self) -> None:
        """Tell now what was to be told soon."""
        self._notices.flush()

    def close(self) -> None:
        """Tell nobody what waits to be told."""
        self._notices.close()

    def serve(self) -> bool:
        """Send on what is new; whether every viewer is stalled, of those there are."""
        if len(self._viewers) == 1:
            (viewer,) = self._viewers.values()
            viewer.pump()
            return viewer.is_stalled
        stalled = 0
        for viewer in self:  # a failing sink may detach its viewer
            viewer.pump()
            if viewer.is_stalled:
                stalled += 1
                self.watch_lag(viewer)
        return 0 < len(self._viewers) <= stalled

    def watch_lag(self, viewer: Viewer) -> None:
        """Let all see when ``viewer`` falls behind, or has come back.

        Half of the tail is half the way to a snapshot.
        """
        tail = viewer.terminal.tail
        behind = tail.end - viewer.sent
        if viewer.is_lagging != (behind > (0 if viewer.is_lagging else tail.capacity // 2)):
            viewer.is_lagging = not viewer.is_lagging
            self.changed()

    def _deliver(self, notices: Sequence[Notice]) -> None:
        """Tell every viewer; a clipboard's text only who holds the keyboard, files who may type."""
        roster = Viewers(tuple(viewer.info for viewer in self))
        told: list[Notice] = []
        private: list[Notice] = []
        offered: list[Notice] = []
        for notice in notices:
            if isinstance(notice, Viewers):
                if roster != self._roster:
                    told.append(roster)
            elif isinstance(notice, ClipboardWrite):
                private.append(notice)
            elif isinstance(notice, DownloadOffered):
                offered.append(notice)
            else:
                told.append(notice)
        self._roster = roster
        for viewer in self:
            mine = [*told, *private] if viewer is self._control.holder else told
            if offered and viewer.role >= Role.WRITER:
                mine = [*mine, *offered]
            if mine:
                viewer.tell(mine)
