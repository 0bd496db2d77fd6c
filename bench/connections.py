"""Connections: what it costs to hold them, and what that costs everybody else.

The same at a hundred, a thousand and ten thousand: half of them plain, half ``ptybridge.v1``, half
logged in by token, half by cookie, each following a session; one of ten talks when it is asked to.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack

import uvloop

from bench import bare, bridge, broadcast, processes
from bench.bridge import HEADER, OUTPUT, Bridge, Connection
from bench.figures import Row, Scale, Target
from bench.subjects import COLS, ROWS, Subject, argv, limit_to
from bench.summary import percentile
from bench.visitors import Visitors, allow_connections
from bench.websocket import BINARY, WebSocket

SIZES = (100, 1_000, 10_000)
"""How many connections are held."""

IDLE_SESSIONS = 100
"""Sessions that those follow who say nothing."""

HEARERS = 2
"""Who hears each message: the talkers of one session."""

RATE = 10.0
"""Messages that each talker says a second."""

PING_INTERVAL = 30.0
"""Seconds: the default of ``transport.websocket.ping.interval``, in which each is pinged once."""

SHELL = "exec /bin/sh -i"
"""A shell that reads no files of the user's."""

ROOM = f"limits.connections={SIZES[-1] + 10}"
"""For those who measure beside those who are held; all else is as by default."""

LIMIT = 150.0
"""Seconds that all may take."""

FLOOR = bare.Bare.name
SOCKETS = broadcast.Broadcast.name


class Connections:
    """Memory, time of the processor, messages, terminals and waits with connections held."""

    name = "connections"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Seven rows for each size."""
        if not any(isinstance(subject, Bridge) for subject in subjects):
            return []
        sizes = SIZES[:1] if quick else SIZES
        allow_connections(max(sizes))
        with limit_to(LIMIT, self.name), bridge.start(ROOM) as served, broadcast.start() as floor:
            return uvloop.run(_measure(served, floor, sizes, quick=quick))


async def _measure(
    served: Bridge, floor: broadcast.Broadcast, sizes: Sequence[int], *, quick: bool
) -> list[Row]:
    rows: list[Row] = []
    visitors = Visitors(served.port, token=served.token, cookie=_cookie(served))
    for size in sizes:
        rows += await _at(served, floor, visitors, size, is_full=not quick and size == SIZES[-1])
    if visitors.lost:
        raise RuntimeError(f"{visitors.lost} connections were lost")
    visitors.leave()
    return rows


async def _at(
    served: Bridge, floor: broadcast.Broadcast, visitors: Visitors, size: int, *, is_full: bool
) -> list[Row]:
    """What there is to measure with ``size`` connections; those that are there already stay."""
    coming = size - len(visitors)
    talkers = size // 10 - visitors.talkers
    opened = await visitors.come([f"held-{n % IDLE_SESSIONS}" for n in range(coming - talkers)])
    first = visitors.talkers
    opened += await visitors.come(
        [f"talk-{n // HEARERS}" for n in range(first, first + talkers)], talk=True
    )
    await asyncio.sleep(0.5)
    idle = PING_INTERVAL if is_full else 2.0
    before = served.cpu_seconds()
    await asyncio.sleep(idle)
    cpu = (served.cpu_seconds() - before) / idle
    memory = processes.resident_bytes(served.pids[0]) / 1e6
    rates: list[float] = []
    late: list[float] = []
    for _ in range(3):
        rate, latencies = await visitors.talk(
            rate=RATE * visitors.talkers, seconds=2.0 if is_full else 1.0, hearers=HEARERS
        )
        rates.append(rate)
        late.append(percentile(latencies, 99))
    prompts, floor_prompts = _prompts(served, count=20)
    rounds = 3 if is_full else 1
    waits, floor_waits = _waits(served, floor, rounds=rounds, seconds=1.5 if is_full else 0.5)
    name = served.name
    scale = Scale("connections", size)

    def row(what: str, unit: str, rounds: dict[str, list[float]], target: Target) -> Row:
        return Row(what, unit, rounds, (target,) if size == SIZES[-1] else (), scale)

    return [
        row("memory", "MB", {name: [memory]}, Target(150.0)),
        row("accepts", "/s", {name: [coming / opened]}, Target(1500, at_least=True)),
        row("CPU, idle", "% of a core", {name: [100 * cpu]}, Target(1.0)),
        row("messages", "/s", {name: rates}, Target(0.99 * size, at_least=True)),
        row("  p99 to all", "ms", {name: late}, Target(50.0)),
        row("prompt p50", "ms", {name: prompts, FLOOR: floor_prompts}, Target(15.0)),
        row("longest wait", "ms", {name: waits, SOCKETS: floor_waits}, Target(5.0)),
    ]


def _cookie(served: Bridge) -> str:
    """A login: what a browser sends of its cookie."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{served.port}/api/login",
        data=json.dumps({"token": served.token}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as response:
        cookie: str = response.headers["Set-Cookie"]
    return cookie.partition(";")[0]


# --- terminals


def _prompts(served: Bridge, *, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from asking for a terminal to its prompt: medians of rounds; and the floor's."""
    found: list[float] = []
    floor: list[float] = []
    for _ in range(3):
        with served.connection() as (socket, connection):
            opened = [_prompt(socket, connection, number + 1) for number in range(count)]
            found.append(percentile([seconds for _, seconds in opened], 50))
            for number, (terminal_id, _) in enumerate(opened):
                connection.request("detach", channel=number + 1)  # its end would be told, too
                connection.reply("detached")
                connection.request("terminal.close", terminalID=terminal_id)
                connection.reply("accepted")
        floor.append(percentile([_bare_prompt() for _ in range(count)], 50))
    return found, floor


def _prompt(socket: WebSocket, connection: Connection, channel: int) -> tuple[str, float]:
    """A terminal's name, and the milliseconds from asking for it to its first output."""
    began = time.perf_counter()
    connection.request("terminal.open", command=argv(SHELL), rows=ROWS, cols=COLS)
    terminal_id = connection.reply("terminal.opened")["terminal"]["id"]
    connection.request("attach", channel=channel, terminalID=terminal_id, rows=ROWS, cols=COLS)
    while True:
        opcode, payload = socket.receive()
        if opcode == BINARY and HEADER.unpack_from(payload)[:2] == (OUTPUT, channel):
            return str(terminal_id), 1000 * (time.perf_counter() - began)


def _bare_prompt() -> float:
    began = time.perf_counter()
    with ExitStack() as stack:
        terminal = stack.enter_context(bare.Bare().open(SHELL))
        stack.enter_context(terminal.view()).receive()
        return 1000 * (time.perf_counter() - began)


# --- waits


def _waits(
    served: Bridge, floor: broadcast.Broadcast, *, rounds: int, seconds: float
) -> tuple[list[float], list[float]]:
    """The longest of many answers in milliseconds, by turns of ptybridge and of the floor."""
    found: list[float] = []
    of_floor: list[float] = []
    for _ in range(rounds):
        found.append(max(_asked(seconds, served.port, served.token)))
        of_floor.append(max(_asked(seconds, floor.port)))
    return found, of_floor


def _asked(seconds: float, port: int, *token: str) -> list[float]:
    """What `bench.waits` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.waits", str(seconds), str(port), *token],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 20,
    )
    waits: list[float] = json.loads(done.stdout)
    return waits
