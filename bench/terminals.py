"""Many terminals: what one costs, and what they cost whoever types in another."""

import multiprocessing
import selectors
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from bench import bridge, processes
from bench.bare import Bare
from bench.bridge import Bridge
from bench.echo import SCRIPT as ECHO_SCRIPT
from bench.echo import WARM_UP, latencies
from bench.figures import Row, Scale, Target
from bench.orders import orders
from bench.subjects import READY, Selectable, Subject, Viewer, limit_to, receive_until
from bench.summary import percentile, ratios

SIZES = (1, 10, 100)
"""How many terminals are open where growth is looked at."""

OPEN = 200
PRINTING = 20
"""How many are open, and how many of them print, where somebody types among them."""

IDLE_SCRIPT = "printf 'user@machine:~$ '; exec cat"

RATE = 1_000_000
"""Bytes a second that each of those prints."""

_PRINTER = """exec {python} -IS -c '
import os, random, time
if b"{ready}": os.write(1, b"{ready}"), os.read(0, 1)
text = b"the quick brown fox jumps over the lazy dog; pack my box with jugs\\n" * 150
due = time.monotonic()
while True:
    os.write(1, text)
    pause = random.uniform(0.5, 1.5) * len(text) / {rate}
    due = max(due + pause, time.monotonic())
    time.sleep(max(0, due - time.monotonic()))
'"""

KIBIBYTE = 1024

LIMIT = 100.0
"""Seconds that all may take."""


def printer(rate: int, *, ready: bytes = b"") -> str:
    """A program that writes so many bytes of lines a second, some 10 kB at a time.

    Where there is something to say when it is ``ready``, it waits for a line before it begins.
    What it was kept from printing it does not print later: that would be a flood. Its pauses are
    of half to one and a half times their mean: programs that began together would stay in step,
    and a key would wait for a processor behind all of them at once.
    """
    return _PRINTER.format(python=sys.executable, rate=rate, ready=ready.decode())


class Terminals:
    """Memory, time of the processor and echo with ever more terminals open, on one server."""

    name = "terminals"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Four rows for each size, and what is expected with many."""
        if not any(isinstance(subject, Bridge) for subject in subjects):
            return []
        rounds, samples = (2, 50) if quick else (6, 100)
        rows: list[Row] = []
        with limit_to(LIMIT, self.name), ExitStack() as stack:
            served = stack.enter_context(bridge.start())
            typist, bare = (_typist(subject, stack) for subject in (served, Bare()))
            count = 1
            first = _resident(served)
            for size in SIZES:
                rows += _at(served, typist, size - count, Scale("terminals", size))
                count = size
            typists = {served.name: typist, Bare.name: bare}
            idle = _by_turns(typists, rounds, samples, 50)
            served.leave_running(IDLE_SCRIPT, OPEN - PRINTING - count)
            each = (_resident(served) - first) / (OPEN - PRINTING - 1) / KIBIBYTE
            with _printing(served):
                late = _by_turns(typists, rounds, samples, 99)
        multiples = {name: ratios(late[name], idle[name]) for name in typists}
        return [
            *rows,
            Row("memory of an idle terminal", "KiB", {served.name: [each]}, (Target(100.0),)),
            Row(f"echo p99, {OPEN} open, {PRINTING} print", "x p50", multiples, (Target(3.0),)),
        ]


def _typist(subject: Subject, stack: ExitStack) -> Viewer:
    """Somebody who types, until the stack is closed."""
    typist = stack.enter_context(stack.enter_context(subject.open(ECHO_SCRIPT)).view())
    receive_until(typist, READY)
    latencies(typist, WARM_UP)
    return typist


def _by_turns(
    typists: Mapping[str, Viewer], rounds: int, samples: int, percent: float
) -> dict[str, list[float]]:
    """The percentile of each one's echo, in each round."""
    taken: dict[str, list[float]] = {name: [] for name in typists}
    for order in orders(tuple(typists.items()), rounds):
        for name, typist in order:
            taken[name].append(_percentile(typist, samples, percent))
    return taken


def _at(served: Bridge, typist: Viewer, coming: int, scale: Scale) -> list[Row]:
    """What there is to measure when so many more have been opened."""
    began = time.perf_counter()
    served.leave_running(IDLE_SCRIPT, coming)
    opening = (time.perf_counter() - began) / coming if coming else None
    time.sleep(0.2)
    cpu = served.cpu_seconds()
    time.sleep(2.0)
    cpu = (served.cpu_seconds() - cpu) / 2.0
    echo = [_percentile(typist, 100, 50) * 1e6 for _ in range(3)]
    name = served.name
    rows = [
        Row("echo p50", "µs", {name: echo}, scale=scale),
        Row("memory", "MB", {name: [_resident(served) / 1e6]}, scale=scale),
        Row("CPU, idle", "% of a core", {name: [100 * cpu]}, scale=scale),
    ]
    if opening is not None:
        rows.append(Row("opening one", "ms", {name: [1000 * opening]}, scale=scale))
    return rows


def _resident(served: Bridge) -> int:
    """Memory of the server and of the process that it starts programs through."""
    return sum(map(processes.resident_bytes, served.pids))


def _percentile(typist: Viewer, samples: int, percent: float) -> float:
    return percentile(latencies(typist, samples), percent)


@contextmanager
def _printing(served: Bridge) -> Iterator[None]:
    """Have programs print to viewers that take it, until the block ends."""
    with ExitStack() as stack:
        script = f"stty -echo; {printer(RATE, ready=READY)}"
        viewers: list[Selectable] = []
        for _ in range(PRINTING):
            viewer = stack.enter_context(stack.enter_context(served.open(script)).view())
            receive_until(viewer, READY)
            viewers.append(viewer)
        # In a process of its own, so that the typist has this one's attention.
        taking = multiprocessing.get_context("fork").Process(target=_take, args=(viewers,))
        taking.start()
        try:
            time.sleep(1.0)  # until all of them print
            yield
        finally:
            taking.kill()
            taking.join()


def _take(viewers: Sequence[Selectable]) -> None:
    """Start the programs and take what they print, for ever."""
    selector = selectors.DefaultSelector()
    for viewer in viewers:
        viewer.send(b"\n")
        selector.register(viewer, selectors.EVENT_READ, viewer)
    while True:
        for key, _ in selector.select():
            ready: Selectable = key.data
            ready.receive()
            while ready.has_more:
                ready.receive()
