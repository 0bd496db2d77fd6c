"""The peer: terminado on tornado, spoken to with its JSON messages."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bench import processes
from bench.subjects import COLS, ROWS, argv
from bench.websocket import TEXT, WebSocket

_PREFIX = b'["stdout", "'
_SUFFIX = b'"]'


class PeerViewer:
    """A viewer; terminado sends without waiting, so there is nothing to acknowledge."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    def send(self, data: bytes) -> None:
        """Send a ``stdin`` message."""
        self._socket.send(TEXT, json.dumps(["stdin", data.decode()]).encode())

    def receive(self) -> memoryview:
        """The next output, still escaped as JSON: to decode it would slow only this peer."""
        while True:
            _, payload = self._socket.receive()
            if payload[: len(_PREFIX)] == _PREFIX:
                return payload[len(_PREFIX) : -len(_SUFFIX)]

    def fileno(self) -> int:
        """Its socket's descriptor."""
        return self._socket.fileno()

    @property
    def has_more(self) -> bool:
        """Whether something that was received is left."""
        return self._socket.has_more


class PeerTerminal:
    """A server whose every connection gets the program's terminal."""

    def __init__(self, server: processes.Server) -> None:
        self._server = server

    @property
    def port(self) -> int:
        """Where the server listens, on 127.0.0.1."""
        return int(self._server.first_line)

    @contextmanager
    def view(self) -> Iterator[PeerViewer]:
        """Connect and say the size, as its page does."""
        socket = WebSocket.connect(self.port, "/websocket")
        try:
            socket.send(TEXT, json.dumps(["set_size", ROWS, COLS]).encode())
            yield PeerViewer(socket)
        finally:
            socket.close()

    def cpu_seconds(self) -> float:
        """CPU time of the server."""
        return processes.cpu_seconds([self._server.pid])


class Peer:
    """terminado; each open runs a server, since a server runs one command only.

    ``shared`` says whether all viewers of it see one terminal (``SingleTermManager``) or each
    has its own (``UniqueTermManager``).
    """

    name = "terminado"
    newline_bytes = 4

    def __init__(self, *, shared: bool = False) -> None:
        self._kind = "single" if shared else "unique"

    @contextmanager
    def open(self, script: str) -> Iterator[PeerTerminal]:
        """Serve ``script`` until the block ends."""
        with processes.running("bench.peer_server", self._kind, *argv(script)) as server:
            yield PeerTerminal(server)


@contextmanager
def start() -> Iterator[Peer]:
    """Nothing has to run before the first terminal."""
    yield Peer()
