"""Stall: what one viewer that takes nothing costs another that does."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

from bench.echo import SCRIPT as ECHO_SCRIPT
from bench.figures import Row, Target
from bench.orders import orders
from bench.subjects import READY, Subject, Terminal, Viewer, limit_to, receive_until
from bench.summary import percentile

FLOOD_SCRIPT = f"stty -echo; printf {READY.decode()}; read _; exec yes the quick brown fox"

PAUSE = 0.005
"""Seconds between two keystrokes."""

ROUND_LIMIT = 60.0
"""Seconds that one round may take."""

ALONE = "bare pty"
"""What can have one viewer only."""


class Stall:
    """``yes`` to a live viewer, alone and beside a stalled one; keys to a terminal next to it.

    Each value is a ratio within one round: beside the stalled viewer to alone.
    """

    name = "stall"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Two rows: throughput of the flood, and the 99th percentile of the echo."""
        rounds, seconds = (2, 1.0) if quick else (4, 2.0)
        subjects = [subject for subject in subjects if subject.name != ALONE]
        speed: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        echo: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        for order in orders(subjects, rounds):
            for subject in order:
                alone = _round(subject, seconds, stalled=False)
                beside = _round(subject, seconds, stalled=True)
                speed[subject.name].append(beside[0] / alone[0])
                echo[subject.name].append(beside[1] / alone[1])
        return [
            Row("flood by stall", "x", speed, (Target(0.9, at_least=True),)),
            Row("echo p99 by stall", "x", echo, (Target(1.1),)),
        ]


def _round(subject: Subject, seconds: float, *, stalled: bool) -> tuple[float, float]:
    """Bytes a second of the flood, and the 99th percentile of the echo in seconds."""
    with ExitStack() as stack:
        stack.enter_context(limit_to(ROUND_LIMIT, f"stall of {subject.name}"))
        flood = stack.enter_context(subject.open(FLOOD_SCRIPT))
        live = stack.enter_context(flood.view())
        receive_until(live, READY)
        if stalled:
            stack.enter_context(flood.view())
        typist = stack.enter_context(_typist(stack, subject).view())
        receive_until(typist, READY)
        drain = _Drain(live)
        began = time.perf_counter()
        drain.start()
        latencies = []
        while time.perf_counter() - began < seconds:
            sent = time.perf_counter()
            typist.send(b"x")
            typist.receive()
            latencies.append(time.perf_counter() - sent)
            time.sleep(PAUSE)
        drain.stop()
        elapsed = time.perf_counter() - began
        return drain.count / elapsed, percentile(latencies, 99)


def _typist(stack: ExitStack, subject: Subject) -> Terminal:
    return stack.enter_context(subject.open(ECHO_SCRIPT))


class _Drain(threading.Thread):
    """Takes a viewer's output until it is stopped; it never ends by itself."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._viewer = viewer
        self._is_stopped = False

    def run(self) -> None:
        """Take all that comes."""
        self._viewer.send(b"\n")
        while not self._is_stopped:
            self.count += len(self._viewer.receive())

    def stop(self) -> None:
        """Take no more; the output goes on, so the thread comes to an end."""
        self._is_stopped = True
        self.join(timeout=5)
