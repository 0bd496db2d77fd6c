"""How long a server makes one wait: asked without pause by a process that does nothing else.

Run as ``python -m bench.waits SECONDS PORT [TOKEN]``; prints the milliseconds of every answer as
a JSON list. With a token it asks ptybridge (``ping`` on a connection of its own), without one the
floor, `bench.broadcast_server`. When the server's loop stands still, an answer is so much later.
"""

import json
import socket
import sys
import time
from contextlib import closing

from bench.broadcast_server import HELLO
from bench.crowd import text_frame
from bench.websocket import TEXT, WebSocket

PAUSE = 0.0005
"""Seconds between an answer and the next question: stalls longer than that are not missed."""

_ASKED = b'{"type":"ping"}'


def of_server(port: int, token: str, seconds: float) -> list[float]:
    """Milliseconds that each ``pong`` took."""
    waits: list[float] = []
    with closing(WebSocket.connect(port, "/ws", token=token)) as asking:
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            asking.send(TEXT, _ASKED)
            asking.receive()
            waits.append(1000 * (time.perf_counter() - began))
            time.sleep(PAUSE)
    return waits


def of_floor(port: int, seconds: float) -> list[float]:
    """Milliseconds that each answer of as many bytes took."""
    waits: list[float] = []
    answer = text_frame(b"r" * len(_ASKED))
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(HELLO.pack(False, len(_ASKED), len(_ASKED), len(_ASKED)))
        sock.recv(len(answer))
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            sock.sendall(_ASKED)
            sock.recv(len(answer))
            waits.append(1000 * (time.perf_counter() - began))
            time.sleep(PAUSE)
    return waits


if __name__ == "__main__":
    _, duration, number, *secret = sys.argv
    asked = of_server(int(number), secret[0], float(duration)) if secret else None
    print(json.dumps(asked or of_floor(int(number), float(duration))))
