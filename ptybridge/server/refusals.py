"""What is refused at the door is written down, but not as often as somebody can ask for it.

One line for a kind of refusal, an address and a minute: an audit file that anybody on the network
can fill a disk with would be a hole of its own.
"""

from collections.abc import Callable

from aiohttp import web

from ptybridge.core.ports import Audit
from ptybridge.server.throttle import MAX_ADDRESSES, WINDOW, site_of


class Refusals:
    """Writes down who was refused what, before anybody knew who it was."""

    def __init__(self, audit: Audit, *, time: Callable[[], float]) -> None:
        """``time`` tells seconds since any moment."""
        self._audit = audit
        self._time = time
        self._noted: dict[tuple[str, str, str], float] = {}

    def note(self, event: str, *, address: str, reason: str) -> None:
        """Write down a refusal unless the same was within a minute."""
        kind, now = (event, reason, site_of(address)), self._time()
        if self._noted.get(kind, -WINDOW) > now - WINDOW:
            return
        self._noted.pop(kind, None)  # to the end: the order is that of time
        self._noted[kind] = now
        if len(self._noted) > MAX_ADDRESSES:
            del self._noted[next(iter(self._noted))]
        self._audit.record(event, address=address, reason=reason)


REFUSALS = web.AppKey("refusals", Refusals)
