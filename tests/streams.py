"""A client without WebSocket: an event stream and POSTs, written from the wire's text alone."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.server import TOKEN, Server


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    type: str
    data: dict[str, Any]
    position: str | None = None


class Stream:
    """An open event stream over a socket of its own.

    Attributes:
        status: The response's status.
        headers: The response's headers, names in lower case.
        position: The last ``id:`` that came.
        comments: How many comments came.
        welcome: What the first event said.
    """

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.position: str | None = None
        self.comments = 0
        self.welcome: dict[str, Any] = {}

    async def begin(self) -> None:
        """Read the response's head."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        self.status = int(lines[0].split()[1])
        pairs = (line.partition(": ") for line in lines[1:] if line)
        self.headers = {name.lower(): value for name, _, value in pairs}

    async def next(self) -> Event:
        """The next event, by the rules of the HTML standard, section 9.2.6."""
        fields: dict[str, str] = {}
        while line := (await self.reader.readuntil(b"\n")).decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            else:
                fields[name] = value
        self.position = fields.get("id", self.position)
        if "event" not in fields:
            return await self.next()
        return Event(fields["event"], json.loads(fields["data"]), fields.get("id"))

    async def receive(self, *types: str) -> Event:
        """The next event of one of these types; others are passed over."""
        while (event := await self.next()).type not in types:
            pass
        return event

    async def output_until(self, marker: bytes, *, offset: int) -> int:
        """Take output, checking that it is contiguous, until it holds ``marker``; its end."""
        collected = b""
        while marker not in collected:
            event = await self.receive("output")
            assert event.data["offset"] == offset
            payload = base64.b64decode(event.data["base64"], validate=True)
            collected += payload
            offset += len(payload)
        return offset

    async def post(self, body: Any) -> Any:
        """POST a message or a list; what answers, None for nothing."""
        url = f"/api/sessions/main/messages?connectionID={self.welcome['connectionID']}"
        return await post(self.server, url, body)

    async def type(self, text: bytes, **data: Any) -> None:
        """Type on channel 1."""
        encoded = base64.b64encode(text).decode()
        message = {"type": "input", "data": {"channel": 1, "base64": encoded, **data}}
        assert await self.post(message) is None


async def post(server: Server, path: str, body: Any) -> Any:
    """POST as JSON; the decoded answer, None for nothing."""
    async with server.http.post(server.url(path), json=body) as response:
        if response.status == 204:
            return None
        assert response.status == 200, await response.text()
        return await response.json()


async def request_stream(
    server: Server,
    query: str = "",
    *,
    headers: dict[str, str] | None = None,
    token: str | None = TOKEN,
    limit: int = 1 << 22,
) -> Stream:
    """Ask for the events of session ``main``; the response's head has been read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=limit)
    lines = [
        f"GET /api/sessions/main/events{query} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Accept: text/event-stream",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    stream = Stream(server, reader, writer)
    await stream.begin()
    return stream


@asynccontextmanager
async def streaming(
    server: Server, query: str = "", *, position: str | None = None
) -> AsyncIterator[Stream]:
    """An open stream, past its ``welcome``, for the duration of the block."""
    headers = {} if position is None else {"Last-Event-ID": position}
    stream = await request_stream(server, query, headers=headers)
    try:
        assert stream.status == 200
        stream.welcome = (await stream.receive("welcome")).data
        yield stream
    finally:
        stream.writer.transport.abort()
