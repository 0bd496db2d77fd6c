"""The server's statistics in the text format of Prometheus, with those of its process."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ptybridge.core.statistics import Statistics


def families(statistics: Statistics) -> Iterator[Metric]:
    """The metrics; none has a label that grows with connections, sessions or users."""
    terminals = statistics.terminals
    yield InfoMetricFamily(
        "ptybridge_build", "The program that runs.", value={"version": statistics.version}
    )
    for name, meaning, value in (
        ("connections", "Connections that are open.", statistics.connections),
        ("sessions", "Sessions that there are.", terminals.sessions),
        ("terminals", "Terminals whose programs run.", terminals.running),
        ("viewers", "Viewers of all terminals.", terminals.viewers),
        ("tasks", "Tasks of the event loop that have not ended.", statistics.tasks),
    ):
        yield GaugeMetricFamily(f"ptybridge_{name}", meaning, value=value)
    for name, meaning, value in (
        ("connections_opened", "Connections that were opened.", statistics.connections_opened),
        ("terminals_opened", "Terminals that were started.", terminals.opened),
        ("output_bytes", "Bytes that programs have printed.", terminals.output_bytes),
        ("input_bytes", "Bytes that programs were given to read.", terminals.input_bytes),
        ("wrong_logins", "Tokens, passwords and links refused.", statistics.wrong_logins),
    ):
        yield CounterMetricFamily(f"ptybridge_{name}", meaning, value=value)


class _Taken(Collector):
    """Statistics that have been taken already."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterable[Metric]:
        return families(self._statistics)


def exposition(statistics: Statistics) -> bytes:
    """The text that Prometheus reads (its exposition format, version 0.0.4)."""
    registry = CollectorRegistry()
    registry.register(_Taken(statistics))
    ProcessCollector(registry=registry)
    return generate_latest(registry)
