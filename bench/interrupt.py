"""Ctrl-C under flood: how long output goes on for a viewer that cannot keep up."""

import time
from collections.abc import Sequence

from bench.figures import Row, Target
from bench.orders import orders
from bench.subjects import READY, Subject, Viewer, limit_to, receive_until

RATE = 10_000_000
"""Bytes a second that the viewer takes: about what a browser renders."""

FLOOD_SECONDS = 1.0
"""How long the program has flooded when it is interrupted."""

STOPPED = b"program-was-stopped"
SCRIPT = (
    f"stty -echo; trap : INT; printf {READY.decode()}; read _; "
    "yes 'the quick brown fox jumps over the lazy dog; pack my box with five dozen jugs'; "
    f"printf %s%s {STOPPED[:7].decode()} {STOPPED[7:].decode()}; read _"
)
"""The shell survives the interrupt, ``yes`` does not; then the shell says so."""

ROUND_LIMIT = 120.0
"""Seconds that one round of one subject may take: what is buffered comes at the viewer's rate."""


class Interrupt:
    """Seconds from Ctrl-C to what the shell prints after it, behind the last of the flood."""

    name = "interrupt"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """One row."""
        rounds = 2 if quick else 6
        silence: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        for order in orders(subjects, rounds):
            for subject in order:
                with (
                    limit_to(ROUND_LIMIT, f"interrupt of {subject.name}"),
                    subject.open(SCRIPT) as terminal,
                    terminal.view() as viewer,
                ):
                    receive_until(viewer, READY)
                    silence[subject.name].append(_silence(viewer) * 1000)
        return [Row("Ctrl-C to silence", "ms", silence, (Target(80),))]


class PacedViewer:
    """Takes what another viewer receives at ``RATE``, like a page busy rendering."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._free_at = time.perf_counter()

    def send(self, data: bytes) -> None:
        """Type at once."""
        self._viewer.send(data)

    def receive(self) -> memoryview:
        """Receive, and return when that much has been rendered."""
        output = self._viewer.receive()
        now = time.perf_counter()
        self._free_at = max(self._free_at, now) + len(output) / RATE
        if self._free_at > now:
            time.sleep(self._free_at - now)
        return output


def _silence(viewer: Viewer) -> float:
    """Start the flood, interrupt it; seconds until its end has been rendered."""
    paced = PacedViewer(viewer)
    paced.send(b"\n")
    began = time.perf_counter()
    while time.perf_counter() - began < FLOOD_SECONDS:
        paced.receive()
    interrupted = time.perf_counter()
    paced.send(b"\x03")
    receive_until(paced, STOPPED)
    return time.perf_counter() - interrupted
