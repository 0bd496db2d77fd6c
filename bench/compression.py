"""Compression: what permessage-deflate saves of a flood, and what that costs the server."""

import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

from bench import bridge
from bench.bridge import CHANNEL, HEADER, INPUT, OUTPUT, Bridge
from bench.figures import Row, Target
from bench.flood import END, MEGABYTE, memory_directory, script
from bench.subjects import COLS, READY, ROWS, Subject, argv, limit_to
from bench.websocket import BINARY, WebSocket

TRUSTED = 'server.trustedProxies=["127.0.0.1"]'
"""A client on this machine is not compressed for, unless a proxy says that it is elsewhere."""

ELSEWHERE = "X-Forwarded-For: 203.0.113.1"
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

LINE = "-rwxr-xr-x 1 root root {:8d} Nov 26 {:02d}:{:02d} \x1b[01;32mprogram-{:x}\x1b[0m\n"
"""A listing in colours: what terminals print much of, with something new in each line."""

ROUND_LIMIT = 60.0
"""Seconds that one round may take."""

PLAIN = "not compressed"
"""Name of the same without."""


class Compression:
    """A listing to one viewer elsewhere, who offers compression or does not, by turns."""

    name = "compression"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Three rows: bytes on the wire, throughput, and CPU time."""
        if not any(isinstance(subject, Bridge) for subject in subjects):
            return []
        rounds, size = (2, 4 * MEGABYTE) if quick else (5, 16 * MEGABYTE)
        ways = {Bridge.name: (ELSEWHERE, OFFER), PLAIN: (ELSEWHERE,)}
        found: dict[str, dict[str, list[float]]] = {way: {} for way in ways}
        with (
            bridge.start(TRUSTED) as served,
            tempfile.TemporaryDirectory(dir=memory_directory()) as directory,
        ):
            path = Path(directory) / "listing"
            lines = size // len(LINE.format(0, 0, 0, 0))
            path.write_text(
                "".join(LINE.format(n * 7919 % 10**8, n % 24, n % 60, n * n) for n in range(lines))
            )
            written = (path.stat().st_size + lines) / MEGABYTE  # a newline is written as two bytes
            for _ in range(rounds):
                for way, headers in ways.items():
                    with limit_to(ROUND_LIMIT, f"flood, {way}"):
                        seconds, cpu, wire = _flood(served, path, headers)
                    for what, value in (
                        ("wire", wire / MEGABYTE / written),
                        ("speed", written / seconds),
                        ("cpu", 1000 * cpu / written),
                    ):
                        found[way].setdefault(what, []).append(value)
        return [
            _row("bytes on the wire, compressed", "of 1", "wire", found, Target(0.3, PLAIN)),
            _row("flood, compressed", "MB/s", "speed", found),
            _row("CPU per MB, compressed", "ms", "cpu", found),
        ]


def _row(
    name: str, unit: str, what: str, found: dict[str, dict[str, list[float]]], *targets: Target
) -> Row:
    return Row(name, unit, {way: values[what] for way, values in found.items()}, targets)


def _flood(served: Bridge, path: Path, headers: Sequence[str]) -> tuple[float, float, int]:
    """Seconds, the server's CPU seconds, and the bytes received that one flood took."""
    with served.connection(headers=headers) as (web_socket, connection):
        command = argv(script(path))
        connection.request("terminal.open", command=command, rows=ROWS, cols=COLS)
        terminal_id = connection.reply("terminal.opened")["terminal"]["id"]
        connection.request("attach", channel=CHANNEL, terminalID=terminal_id, rows=ROWS, cols=COLS)
        _receive_until(web_socket, READY)
        received, cpu = web_socket.received_bytes, served.cpu_seconds()
        began = time.perf_counter()
        web_socket.send(BINARY, HEADER.pack(INPUT, CHANNEL, 0) + b"\n")
        _receive_until(web_socket, END)
        seconds = time.perf_counter() - began
        cpu = served.cpu_seconds() - cpu
        connection.request("terminal.close", terminalID=terminal_id)
        return seconds, cpu, web_socket.received_bytes - received


def _receive_until(web_socket: WebSocket, marker: bytes) -> None:
    """Take output, compressed or not, until it ends with ``marker``."""
    end = b""
    while not end.endswith(marker):
        opcode, payload = web_socket.receive()
        message = bytes(payload)
        if web_socket.is_compressed:
            message = zlib.decompressobj(-15).decompress(message + b"\0\0\xff\xff")
        if opcode == BINARY and message[0] == OUTPUT:
            end = (end + message[HEADER.size :])[-len(marker) :]
