"""What is written to a transport and has not left this machine: seen, limited, dropped."""

import asyncio
import fcntl
import socket
import struct
from contextlib import suppress

SIOCOUTQNSD = 0x894B
"""How many bytes of a TCP socket wait to be sent for the first time (linux/sockios.h)."""


def buffer_nothing(transport: asyncio.Transport) -> None:
    """Have ``pause_writing`` called as soon as the transport holds anything back."""
    # A TLS transport is full from the mark on, another beyond it (asyncio's sslproto): with 0
    # it would pause whenever it is empty.
    encrypted = transport.get_extra_info("ssl_object") is not None
    transport.set_write_buffer_limits(high=1 if encrypted else 0, low=0)


def is_anything_unsent(transport: asyncio.Transport) -> bool:
    """Whether something waits in the transport or, where it can be known, in the kernel."""
    if transport.get_write_buffer_size():
        return True
    sock = _tcp_socket(transport)
    if sock is None:
        return False
    try:
        (unsent,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), SIOCOUTQNSD, bytes(4)))
    except OSError:  # the peer has gone
        return True
    return bool(unsent)


def drop_with_abort(transport: asyncio.Transport) -> None:
    """Have the transport's ``abort`` drop what the kernel holds, too.

    SO_LINGER with a time of 0 makes close(2) do so (socket(7)).
    """
    sock = _tcp_socket(transport)
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def limit_unread(sock: socket.socket, seconds: float) -> None:
    """Have the kernel end a TCP connection whose peer takes nothing for so long; 0 is never.

    What a listener accepts begins with its limit (TCP_USER_TIMEOUT, tcp(7)).
    """
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def limit_unread_of(transport: asyncio.Transport | None, seconds: float) -> None:
    """As ``limit_unread``, for a transport's connection."""
    sock = None if transport is None else _tcp_socket(transport)
    if sock is not None:
        with suppress(OSError):  # the peer has gone
            limit_unread(sock, seconds)


def _tcp_socket(transport: asyncio.Transport) -> socket.socket | None:
    """The transport's socket, unless it is a Unix one."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    return None if sock is None or sock.family == socket.AF_UNIX else sock
