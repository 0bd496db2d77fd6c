"""Echo latency: from a keystroke sent to its echo received."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from bench.figures import Row, Target
from bench.orders import orders
from bench.subjects import READY, Subject, Unmeasured, Viewer, limit_to, receive_until
from bench.summary import percentile

SCRIPT = f"stty raw -echo; printf {READY.decode()}; exec cat"
"""``cat`` gives back each byte as it comes; the line discipline does not."""

PAUSE = 0.001
"""Seconds between two keystrokes, so that work put off until after an echo is done in between."""

WARM_UP = 50
ROUND_LIMIT = 60.0
"""Seconds that one round of one subject may take."""


class Echo:
    """One byte at a time to a program that gives it back, by turns of rounds."""

    name = "echo"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Two rows: the median and the 99th percentile of each round."""
        rounds, samples = (3, 40) if quick else (12, 100)
        p50: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        p99: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        with ExitStack() as stack:
            viewers: dict[str, Viewer] = {}
            for subject in subjects:
                with limit_to(ROUND_LIMIT, f"echo of {subject.name}"):
                    terminal = stack.enter_context(subject.open(SCRIPT))
                    viewer = stack.enter_context(terminal.view())
                    receive_until(viewer, READY)
                    latencies(viewer, WARM_UP)
                viewers[subject.name] = viewer
            for order in orders(tuple(viewers.items()), rounds):
                for name, viewer in order:
                    with limit_to(ROUND_LIMIT, f"echo of {name}"):
                        taken = latencies(viewer, samples)
                    p50[name].append(percentile(taken, 50) * 1e6)
                    p99[name].append(percentile(taken, 99) * 1e6)
        targets = (Target(0.4, "terminado"), Target(4.0, "bare pty"))
        return [Row("echo p50", "µs", p50, targets), Row("echo p99", "µs", p99)]


def latencies(viewer: Viewer, count: int) -> list[float]:
    """Seconds that each of ``count`` keystrokes took.

    Raises:
        Unmeasured: Something else came back.
    """
    latencies = []
    for number in range(count):
        key = b"abcdefghijklmnop"[number % 16 : number % 16 + 1]
        sent = time.perf_counter()
        viewer.send(key)
        output = viewer.receive()
        latencies.append(time.perf_counter() - sent)
        if output != key:
            raise Unmeasured(f"{bytes(output[:40])!r} came back for {key!r}")
        time.sleep(PAUSE)
    return latencies
