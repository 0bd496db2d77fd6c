"""A small blocking WebSocket client, the same for every server that is measured.

It costs each of them the same: one ``recv_into`` a reused buffer, a walk over the frame headers,
payloads given out without copying. It knows only what a well-behaved server sends (RFC 6455): no
fragments; and it unpacks nothing.
"""

import base64
import os
import socket
import struct
from collections.abc import Sequence
from typing import Self

from bench.subjects import Unmeasured

BUFFER_BYTES = 4 * 1024 * 1024
"""Room for received frames; a frame must fit."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Opcodes (RFC 6455 section 5.2)."""

_U16 = struct.Struct(">H")
_U64 = struct.Struct(">Q")


class WebSocket:
    """A connected client.

    Attributes:
        is_compressed: Whether the frame that was received last is (RFC 7692).
        received_bytes: Bytes that have come, behind the handshake.
        socket: What it speaks over.
    """

    def __init__(self, sock: socket.socket, received: bytes) -> None:
        self.socket = sock
        self._memory = memoryview(bytearray(BUFFER_BYTES))
        self._memory[: len(received)] = received
        self._start = 0
        self._end = len(received)
        self.is_compressed = False
        self.received_bytes = len(received)

    @classmethod
    def connect(
        cls,
        port: int,
        path: str,
        *,
        token: str | None = None,
        protocol: str | None = None,
        headers: Sequence[str] = (),
    ) -> Self:
        """Open a connection to a server on this machine; ``headers`` are lines to add.

        Raises:
            Unmeasured: The server does not upgrade.
        """
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]
        lines += headers
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        if protocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        response = b""
        while b"\r\n\r\n" not in response:
            more = sock.recv(4096)
            if not more:
                break
            response += more
        head, _, rest = response.partition(b"\r\n\r\n")
        status = head.partition(b"\r\n")[0].decode("latin-1")
        if " 101" not in status:
            sock.close()
            raise Unmeasured(f"the server does not upgrade: {status or 'it hung up'}")
        return cls(sock, rest)

    def close(self) -> None:
        """Hang up without a closing handshake."""
        self.socket.close()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self.socket.fileno()

    @property
    def has_more(self) -> bool:
        """Whether something was received that was not given out."""
        return self._start < self._end

    def take(self) -> socket.socket:
        """The socket, for who goes on by itself.

        Raises:
            Unmeasured: Something was received and not read.
        """
        if self._start != self._end:
            raise Unmeasured("the server said more than it was asked")
        return self.socket

    def send(self, opcode: int, payload: bytes) -> None:
        """Send one frame, masked as a client's must be (RFC 6455 section 5.3)."""
        size = len(payload)
        if size < 126:
            header = bytes((0x80 | opcode, 0x80 | size))
        elif size < 65536:
            header = bytes((0x80 | opcode, 0x80 | 126)) + _U16.pack(size)
        else:
            header = bytes((0x80 | opcode, 0x80 | 127)) + _U64.pack(size)
        key = os.urandom(4)
        stream = (key * (size // 4 + 1))[:size]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        self.socket.sendall(header + key + masked.to_bytes(size, "big"))

    def receive(self) -> tuple[int, memoryview]:
        """The next data frame: its opcode and its payload, which is good until the next call.

        Raises:
            Unmeasured: The server has closed the connection.
        """
        while True:
            opcode, payload = self._frame()
            if opcode == PING:
                self.send(PONG, bytes(payload))
            elif opcode == CLOSE:
                raise Unmeasured(f"the server closed: {bytes(payload[:125])!r}")
            elif opcode != PONG:
                return opcode, payload

    def _frame(self) -> tuple[int, memoryview]:
        """Take the next frame off the buffer, receiving until it is whole."""
        self._need(2)
        memory, start = self._memory, self._start
        opcode = memory[start] & 0x0F
        self.is_compressed = memory[start] & 0x40 != 0
        size = memory[start + 1]
        header = 2
        if size == 126:
            header = 4
            self._need(header)
            size = _U16.unpack_from(self._memory, self._start + 2)[0]
        elif size == 127:
            header = 10
            self._need(header)
            size = _U64.unpack_from(self._memory, self._start + 2)[0]
        self._need(header + size)
        start = self._start + header
        self._start = start + size
        return opcode, self._memory[start : start + size]

    def _need(self, count: int) -> None:
        """Receive until ``count`` bytes are there from the start on."""
        while self._end - self._start < count:
            if self._start == self._end:
                self._start = self._end = 0
            elif self._start + count > BUFFER_BYTES or self._end == BUFFER_BYTES:
                rest = bytes(self._memory[self._start : self._end])
                self._memory[: len(rest)] = rest
                self._start, self._end = 0, len(rest)
            received = self.socket.recv_into(self._memory[self._end :])
            if not received:
                raise Unmeasured("the server hung up")
            self._end += received
            self.received_bytes += received
