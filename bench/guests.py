"""Who comes to the soak: viewers that behave well and that do not, and people who talk."""

import json
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from bench.bridge import (
    ACK_BYTES,
    CHANNEL,
    HEADER,
    INPUT,
    OUTPUT,
    SESSION,
    SNAPSHOT,
    WINDOW,
    Bridge,
    Connection,
    refuse_error,
)
from bench.subjects import COLS, ROWS, Unmeasured
from bench.terminals import printer
from bench.websocket import BINARY, TEXT, WebSocket
from ptybridge.core.session_log import MAX_EVENTS

PRINTING = 10
"""How many of the terminals print all the time; the others print what is typed."""

PRINTED = 30_000
"""Bytes a second that each of those prints."""

TALKS = 2
"""Sessions in which people talk."""

UNANSWERED = 100
"""Messages that are said before one waits until the server has come so far."""


class Stock:
    """The terminals that there are, opened and closed over a connection each time.

    Attributes:
        ids: Their names; the first ``PRINTING`` print.
    """

    def __init__(self, server: Bridge) -> None:
        self.ids: list[str] = []
        self._server = server

    def fill(self, count: int) -> None:
        """Open terminals until there are so many."""
        missing = count - len(self.ids)
        loud = max(0, min(missing, PRINTING - len(self.ids)))
        self.ids += self._server.leave_running(printer(PRINTED), loud)
        self.ids += self._server.leave_running("stty raw -echo; exec cat", missing - loud)

    def close(self, *, keep: int = 0) -> None:
        """Close all but the first ``keep``."""
        with self._server.connection() as (_, connection):
            for terminal_id in self.ids[keep:]:
                connection.request("terminal.close", terminalID=terminal_id)
                connection.reply("accepted")
        del self.ids[keep:]


class Guest:
    """A viewer on a connection of its own that takes what there is to take, and counts nothing."""

    def __init__(self, websocket: WebSocket, connection: Connection) -> None:
        self._websocket = websocket
        self._connection = connection
        self._typed = 0
        self._received = 0
        self._acked = 0

    @classmethod
    @contextmanager
    def at(cls, server: Bridge, terminal_id: str) -> Iterator["Guest"]:
        """View a terminal until the block ends."""
        with server.connection() as (websocket, connection):
            connection.request(
                "attach",
                channel=CHANNEL,
                terminalID=terminal_id,
                rows=ROWS,
                cols=COLS,
                window=WINDOW,
            )
            connection.reply("attached")
            yield cls(websocket, connection)

    def type(self, data: bytes) -> None:
        """Send an INPUT frame."""
        self._websocket.send(BINARY, HEADER.pack(INPUT, CHANNEL, self._typed) + data)
        self._typed += len(data)

    def resize(self, rows: int) -> None:
        """Have another size."""
        self._connection.request("resize", channel=CHANNEL, rows=rows, cols=COLS)

    def take(self, *, until: float) -> None:
        """Take what comes, and acknowledge it, until then (``time.monotonic``)."""
        while (left := until - time.monotonic()) > 0:
            if not self._websocket.has_more and not self._wait(left):
                return
            opcode, payload = self._websocket.receive()
            if opcode == TEXT:
                refuse_error(json.loads(bytes(payload)))
            elif opcode == BINARY:
                kind, _, offset = HEADER.unpack_from(payload)
                if kind == OUTPUT:
                    self._received = offset + len(payload) - HEADER.size
                elif kind == SNAPSHOT:  # what follows of it comes with another opcode
                    self._received = offset
            if self._received - self._acked >= ACK_BYTES:
                self._acked = self._received
                self._connection.request("ack", channel=CHANNEL, offset=self._acked)

    def _wait(self, seconds: float) -> bool:
        return bool(select.select([self._websocket], [], [], seconds)[0])

    def cut(self) -> None:
        """Have the connection end by a reset, and what was not sent dropped (socket(7))."""
        no_lingering = struct.pack("ii", 1, 0)
        self._websocket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)


def _talk(number: int) -> str:
    return f"talk-{number}"


def talk_at_length(server: Bridge) -> None:
    """Say as much in each session as its log keeps, so that what follows takes no more room.

    That of the terminals is told of each that begins and ends, and of who comes and goes.
    """
    with server.connection() as (_, connection):
        for session in (SESSION, *map(_talk, range(TALKS))):
            connection.request("subscribe", sessionID=session)
            for number in range(MAX_EVENTS):
                connection.request("say", sessionID=session, text=f"word {number}")
                if number % UNANSWERED == 0:
                    connection.request("ping")
                    connection.reply("pong")
            connection.request("unsubscribe", sessionID=session)


class Visitor(threading.Thread):
    """Somebody who comes, does something, and goes, again and again.

    Attributes:
        visits: How often.
        error: What went wrong that should not.
    """

    def __init__(self, server: Bridge, stock: Stock, until: float, seed: int) -> None:
        super().__init__(name=f"visitor {seed}", daemon=True)
        self.visits = 0
        self.error: BaseException | None = None
        self._server = server
        self._ids = tuple(stock.ids)
        self._until = until
        self._chance = random.Random(seed)

    def run(self) -> None:
        """Visit until the time is over."""
        ways = (self._watch, self._type, self._lag, self._cut, self._talk)
        try:
            while time.monotonic() < self._until:
                self._chance.choice(ways)()
                self.visits += 1
                time.sleep(self._chance.random() / 2)
        except (Unmeasured, OSError) as error:
            self.error = error

    def _at_any(self) -> AbstractContextManager[Guest]:
        return Guest.at(self._server, self._chance.choice(self._ids))

    def _at_quiet(self) -> AbstractContextManager[Guest]:
        """Where what is typed is read."""
        return Guest.at(self._server, self._chance.choice(self._ids[PRINTING:]))

    def _in_a_moment(self, seconds: float) -> float:
        return min(self._until, time.monotonic() + self._chance.uniform(0.2, seconds))

    def _watch(self) -> None:
        """Take all that comes, and go without a word."""
        with self._at_any() as guest:
            guest.take(until=self._in_a_moment(3.0))

    def _type(self) -> None:
        """Type, see it, and change the size."""
        with self._at_quiet() as guest:
            for _ in range(20):
                guest.type(b"some words\r\n")
                guest.take(until=time.monotonic() + 0.05)
            guest.resize(ROWS + self._chance.randrange(9))
            guest.take(until=time.monotonic() + 0.1)
            guest.resize(ROWS)

    def _lag(self) -> None:
        """Take nothing for a while, and then all."""
        with self._at_any() as guest:
            time.sleep(max(0.0, self._in_a_moment(8.0) - time.monotonic()))
            guest.take(until=time.monotonic() + 0.5)

    def _cut(self) -> None:
        """Vanish in the middle."""
        with self._at_quiet() as guest:
            guest.type(b"x" * 1000)
            guest.take(until=time.monotonic() + self._chance.random())
            guest.cut()

    def _talk(self) -> None:
        """Follow a session and say something in it, as others do."""
        with self._server.connection() as (_, connection):
            session = _talk(self._chance.randrange(TALKS))
            connection.request("subscribe", sessionID=session)
            for number in range(20):
                connection.request("say", sessionID=session, text=f"word {number}")
            connection.request("ping")
            connection.reply("pong")
            connection.request("unsubscribe", sessionID=session)
