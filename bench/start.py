"""Start: how long a server takes from its command to its first answer."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from bench import bridge
from bench.bridge import Bridge
from bench.figures import Row, Target
from bench.peer import Peer
from bench.subjects import Subject, limit_to

ROUND_LIMIT = 20.0
"""Seconds that one start may take."""


class Start:
    """A fresh server with a fresh state directory, asked as soon as it says where it is."""

    name = "start"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """One row, beside the peer's start."""
        starts: dict[str, Callable[[], float]] = {}
        for subject in subjects:
            if isinstance(subject, Bridge):
                starts[subject.name] = _bridge_start
            elif isinstance(subject, Peer):
                starts[subject.name] = _peer_start
        rounds: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(2 if quick else 5):
            for name, start in starts.items():
                with limit_to(ROUND_LIMIT, f"start of {name}"):
                    rounds[name].append(1000 * start())
        return [Row("start to first answer", "ms", rounds, (Target(500.0),))] if rounds else []


def _bridge_start() -> float:
    began = time.perf_counter()
    with bridge.start() as served:
        return _answered(f"http://127.0.0.1:{served.port}/healthz") - began


def _peer_start() -> float:
    began = time.perf_counter()
    with Peer().open("exec cat") as served:
        return _answered(f"http://127.0.0.1:{served.port}/websocket") - began


def _answered(url: str) -> float:
    """The moment at which there was an answer, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            response.read()
    except urllib.error.HTTPError as error:
        error.close()
    return time.perf_counter()
