"""The channel's floor as figures use it: `bench.broadcast_server`, in a process of its own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from bench import processes
from bench.broadcast_server import HELLO
from bench.crowd import text_frame


class Broadcast:
    """A running floor.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    name = "bare sockets"

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self._pid = pid

    def connect(self, *, follows: bool, said: int, reply: int, event: int) -> socket.socket:
        """A connection; ``said`` are bytes of a frame, the others of a payload."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(HELLO.pack(follows, said, reply, event))
        expected = len(text_frame(b"r" * reply))
        while expected:  # the answer says that it follows
            expected -= len(sock.recv(expected))
        return sock

    def cpu_seconds(self) -> float:
        """CPU time that it has taken."""
        return processes.cpu_seconds([self._pid])


@contextmanager
def start() -> Iterator[Broadcast]:
    """Run it until the block ends."""
    with processes.running("bench.broadcast_server") as server:
        yield Broadcast(int(server.first_line), server.pid)
