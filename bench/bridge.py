"""ptybridge, in a process of its own, spoken to as its page does (docs/wire.md section 4)."""

import json
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import processes
from bench.subjects import COLS, ROWS, Unmeasured, argv
from bench.websocket import BINARY, CONTINUATION, TEXT, WebSocket

WINDOW = 512 * 1024
"""Bytes that may be under way to a viewer, as the page asks for."""

ACK_BYTES = 128 * 1024
"""Rendered bytes after which they are acknowledged."""

ROOM = ("limits.terminals=1000", "limits.terminalsPerUser=1000")
"""What the figures of many terminals need beyond the default settings."""

SESSION = "bench"
"""In which the terminals are."""

CHANNEL = 1
INPUT, OUTPUT, SNAPSHOT, INPUT_ACK = 1, 2, 3, 4
HEADER = struct.Struct(">BIQ")
SNAPSHOT_BYTES = HEADER.size + 4
"""Where a snapshot's bytes begin: rows and columns stand before them."""


class Connection:
    """A connection of ``ptybridge.v1``."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    def request(self, message_type: str, **data: object) -> None:
        """Send one JSON message."""
        self._socket.send(TEXT, json.dumps({"type": message_type, "data": data}).encode())

    def reply(self, message_type: str) -> dict[str, Any]:
        """Pass all by until that message comes; its data.

        Raises:
            Unmeasured: An error came instead.
        """
        while True:
            opcode, payload = self._socket.receive()
            if opcode == TEXT:
                message = json.loads(bytes(payload))
                refuse_error(message)
                if message["type"] == message_type:
                    found: dict[str, Any] = message.get("data", {})
                    return found


def refuse_error(message: dict[str, Any]) -> None:
    """Take no error for an answer, and no program's end.

    Raises:
        Unmeasured: The message tells of one.
    """
    if message["type"] in {"error", "exited"}:
        raise Unmeasured(f"ptybridge: {message['type']} {message.get('data')}")


class BridgeViewer:
    """A viewer that has a window and acknowledges what it has taken."""

    def __init__(self, socket: WebSocket, connection: Connection) -> None:
        self._socket = socket
        self._connection = connection
        self._sent = 0
        self._rendered = 0
        self._acked = 0
        self._received = 0

    def send(self, data: bytes) -> None:
        """Send an INPUT frame."""
        self._socket.send(BINARY, HEADER.pack(INPUT, CHANNEL, self._sent) + data)
        self._sent += len(data)

    def receive(self) -> memoryview:
        """The next output; acknowledges what was received before."""
        self._rendered = self._received
        if self._rendered - self._acked >= ACK_BYTES:
            self._ack()
        while True:
            opcode, payload = self._socket.receive()
            if opcode == TEXT:
                refuse_error(json.loads(bytes(payload)))
                continue
            if opcode == CONTINUATION:
                if not payload:
                    continue
                return payload  # of a snapshot
            kind, _, offset = HEADER.unpack_from(payload)
            if kind == OUTPUT:
                output = payload[HEADER.size :]
                self._received = offset + len(output)
                return output
            if kind == SNAPSHOT:
                self._received = self._rendered = offset
                self._ack()  # the output behind it may wait for that
                return payload[SNAPSHOT_BYTES:]

    def _ack(self) -> None:
        self._acked = self._rendered
        self._connection.request("ack", channel=CHANNEL, offset=self._acked)

    def fileno(self) -> int:
        """Its socket's descriptor."""
        return self._socket.fileno()

    @property
    def has_more(self) -> bool:
        """Whether something that was received is left."""
        return self._socket.has_more


class BridgeTerminal:
    """A terminal of the server.

    Attributes:
        id: Its name.
    """

    def __init__(self, bridge: "Bridge", terminal_id: str) -> None:
        self._bridge = bridge
        self.id = terminal_id

    @contextmanager
    def view(self) -> Iterator[BridgeViewer]:
        """Attach on a connection of its own."""
        with self._bridge.connection() as (socket, connection):
            connection.request(
                "attach",
                channel=CHANNEL,
                terminalID=self.id,
                rows=ROWS,
                cols=COLS,
                window=WINDOW,
            )
            connection.reply("attached")
            yield BridgeViewer(socket, connection)

    def cpu_seconds(self) -> float:
        """CPU time of the server and of the process that it starts programs through."""
        return processes.cpu_seconds(self._bridge.pids)


class Bridge:
    """A running server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        token: Its secret.
        pids: Its own processes, the server first; the programs in its terminals are not among
            them.
    """

    name = "ptybridge"
    newline_bytes = 2

    def __init__(self, port: int, token: str, pids: tuple[int, ...]) -> None:
        self.port = port
        self.token = token
        self.pids = pids

    @contextmanager
    def connection(self, *, headers: Sequence[str] = ()) -> Iterator[tuple[WebSocket, Connection]]:
        """A connection, past its welcome, until the block ends; ``headers`` are lines to add."""
        socket = WebSocket.connect(
            self.port,
            f"/ws?sessionID={SESSION}",
            token=self.token,
            protocol="ptybridge.v1",
            headers=headers,
        )
        try:
            connection = Connection(socket)
            connection.reply("welcome")
            yield socket, connection
        finally:
            socket.close()

    def join(self, session: str | None) -> WebSocket:
        """A plain connection that follows ``session``, told all that was before."""
        query = "" if session is None else f"?sessionID={session}"
        socket = WebSocket.connect(self.port, f"/ws{query}", token=self.token)
        connection = Connection(socket)
        connection.request("ping")
        connection.reply("pong")
        return socket

    def cpu_seconds(self) -> float:
        """CPU time that its processes have taken."""
        return processes.cpu_seconds(self.pids)

    @contextmanager
    def open(self, script: str) -> Iterator[BridgeTerminal]:
        """Run ``script`` until the block ends."""
        with self.connection() as (_, connection):
            terminal = self._launch(connection, script)
        try:
            yield terminal
        finally:
            with self.connection() as (_, connection):
                connection.request("terminal.close", terminalID=terminal.id)
                connection.reply("accepted")

    def leave_running(self, script: str, count: int) -> list[str]:
        """Run ``script`` in so many terminals, until they are closed; their names."""
        with self.connection() as (_, connection):
            return [self._launch(connection, script).id for _ in range(count)]

    def _launch(self, connection: Connection, script: str) -> BridgeTerminal:
        connection.request("terminal.open", command=argv(script), rows=ROWS, cols=COLS)
        return BridgeTerminal(self, connection.reply("terminal.opened")["terminal"]["id"])


@contextmanager
def start(*settings: str, log: Path | None = None) -> Iterator[Bridge]:
    """Run a server with the default settings, but for ``ROOM``, in a state directory of its own.

    ``settings`` are others (``path=value``). What it warns of goes to ``log`` or else where this
    process's errors go.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ptybridge-bench-") as state,
        processes.running(
            "ptybridge",
            "serve",
            "--port",
            "0",
            "--set",
            "logging.level=warning",
            *(word for setting in (*ROOM, *settings) for word in ("--set", setting)),
            env={"PTYBRIDGE_STATE_DIR": state},
            log=log,
        ) as server,
    ):
        url = urlsplit(server.first_line)
        assert url.port is not None
        token = url.fragment.removeprefix("token=")
        yield Bridge(url.port, token, (server.pid, *server.children()))
