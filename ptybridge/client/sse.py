"""A connection without WebSocket: server-sent events down, POSTs up (docs/wire.md section 5)."""

import asyncio
import base64
import contextlib
import urllib.parse
from collections.abc import Iterator
from typing import Any

import aiohttp
import msgspec

from ptybridge.client.errors import Refused, Unreachable
from ptybridge.client.links import Carried, LinkLost, TransportName
from ptybridge.client.websocket import PATIENCE, REFUSALS
from ptybridge.wire import frames, server_messages
from ptybridge.wire.event_stream import CONTENT_TYPE
from ptybridge.wire.frames import Frame, Kind
from ptybridge.wire.keyboard import Input

MAX_BATCH = 128
MAX_BATCH_BYTES = 128 * 1024
"""What one POST carries at the most: messages, and bytes of them, about."""

_KINDS = {"output": Kind.OUTPUT, "snapshot": Kind.SNAPSHOT, "input-ack": Kind.INPUT_ACK}

_BEGINNINGS = (b'{"type":"attach"', b'{"type":"subscribe"')
"""Requests behind whose reply something follows on the stream."""


class EventParser:
    r"""Bytes to events (HTML standard, section 9.2.6), as far as this server uses them.

    >>> parser = EventParser()
    >>> list(parser.feed(b"event: pong\nda"))
    []
    >>> list(parser.feed(b"ta: {}\n\n: alive\n\n"))
    [('pong', b'{}')]
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that ``chunk`` makes whole: type and data."""
        held = self._held
        held += chunk
        start = 0
        while (end := held.find(b"\n\n", max(start, self._searched))) >= 0:
            event_type, data = "", b""
            for line in bytes(held[start:end]).split(b"\n"):
                field, _, value = line.partition(b": ")
                if field == b"event":
                    event_type = value.decode()
                elif field == b"data":
                    data = value
            start = end + 2
            self._searched = 0
            if event_type:
                yield event_type, data
        del held[:start]
        self._searched = max(0, len(held) - 1)


def carried(event_type: str, data: bytes) -> Carried:
    """An event as a WebSocket would have brought it.

    Raises:
        LinkLost: It makes no sense.
    """
    kind = _KINDS.get(event_type)
    try:
        fields = msgspec.json.decode(data, type=dict[str, Any]) if kind is not None else {}
        if kind is None or "channel" not in fields:
            return b'{"type":%b,"data":%b}' % (msgspec.json.encode(event_type), data)
        payload = base64.b64decode(fields.get("base64", ""))
        if kind is Kind.SNAPSHOT:
            payload = frames.snapshot_payload(fields["rows"], fields["cols"], payload)
        return Frame(kind, fields["channel"], fields["offset"], payload)
    except (msgspec.DecodeError, KeyError, ValueError, TypeError) as error:
        raise LinkLost(1002, "the event stream makes no sense") from error


class EventStreamLink:
    """An event stream, and the POSTs that belong to it."""

    transport: TransportName = "sse"

    def __init__(
        self,
        http: aiohttp.ClientSession,
        response: aiohttp.ClientResponse,
        url: str,
        connection_id: str,
        *,
        arrived: list[Carried],
        events: EventParser,
    ) -> None:
        """``arrived`` is what came already; ``url`` the session's address."""
        self._http = http
        self._response = response
        self._url = f"{url}/messages?connectionID={connection_id}"
        self._events = events
        self._arrived: asyncio.Queue[Carried | LinkLost] = asyncio.Queue()
        for item in arrived:
            self._arrived.put_nowait(item)
        self._held: list[Carried] | None = None
        self._posted: list[Carried] = []
        self._posting = False
        self._wake = asyncio.Event()
        self._lost: LinkLost | None = None
        self._tasks = [
            asyncio.create_task(self._listen(), name="event stream"),
            asyncio.create_task(self._post(), name="event stream's POSTs"),
        ]

    @property
    def is_idle(self) -> bool:
        """Whether all that was posted has been answered."""
        return not self._posted and not self._posting

    def post(self, item: Carried) -> None:
        """Send something by the next POST."""
        self._posted.append(item)
        self._wake.set()

    async def receive(self) -> Carried:
        """The next message or frame.

        Raises:
            LinkLost: The stream has ended, or a POST was not answered.
        """
        if self._lost is not None and self._arrived.empty():
            raise self._lost
        item = await self._arrived.get()
        if isinstance(item, LinkLost):
            raise item
        return item

    async def close(self) -> None:
        """End it. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._response.close()

    def _lose(self, lost: LinkLost) -> None:
        if self._lost is None:
            self._lost = lost
            self._arrived.put_nowait(lost)

    # --- down

    async def _listen(self) -> None:
        lost = LinkLost()
        try:
            async for chunk in self._response.content.iter_any():
                for event_type, data in self._events.feed(chunk):
                    if event_type == "closing":
                        raise _closing(data)
                    self._take(carried(event_type, data))
        except LinkLost as error:
            lost = error
        except (aiohttp.ClientError, OSError):
            pass
        self._lose(lost)

    def _take(self, item: Carried) -> None:
        if self._held is not None:
            self._held.append(item)
        else:
            self._arrived.put_nowait(item)

    # --- up

    async def _post(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._posted:
                self._posting = True
                batch = self._batch()
                # The reply comes on another connection than the output or events that follow it.
                if any(message.startswith(_BEGINNINGS) for message in batch):
                    self._held = []
                try:
                    await self._deliver(batch)
                except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
                    # Whether it arrived is not known: only a new connection knows what is next.
                    self._lose(LinkLost())
                    return
                held, self._held = self._held or [], None
                for item in held:
                    self._arrived.put_nowait(item)
                self._posting = False

    async def _deliver(self, batch: list[bytes]) -> None:
        async with self._http.post(
            self._url,
            data=b"[%b]" % b",".join(batch),
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=3 * PATIENCE),
        ) as response:
            response.raise_for_status()
            replies = msgspec.json.decode(await response.read(), type=list[msgspec.Raw])
            for reply in replies:
                self._arrived.put_nowait(bytes(reply))

    def _batch(self) -> list[bytes]:
        """As much as one POST takes, the oldest first."""
        batch: list[bytes] = []
        size = taken = 0
        for item in self._posted:
            message = item if isinstance(item, bytes) else _input(item)
            if batch and (len(batch) == MAX_BATCH or size + len(message) > MAX_BATCH_BYTES):
                break
            batch.append(message)
            size += len(message)
            taken += 1
        del self._posted[:taken]
        return batch


def _input(frame: Frame) -> bytes:
    """An INPUT frame as a message."""
    return server_messages.encode(
        Input(base64=frame.payload, channel=frame.channel, offset=frame.offset)
    )


def _closing(data: bytes) -> LinkLost:
    with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError, ValueError):
        fields = msgspec.json.decode(data, type=dict[str, Any])
        return LinkLost(int(fields["code"]), str(fields.get("reason", "")))
    return LinkLost()


class EventStreamTransport:
    """Connects to ``/api/sessions/{id}/events`` of one server."""

    def __init__(self, http: aiohttp.ClientSession, url: str, *, session: str) -> None:
        """``url`` is the server's address, ``session`` the default session.

        ``http`` carries the token; whoever made it closes it.
        """
        self._http = http
        name = urllib.parse.quote(session, safe="")
        self._url = f"{url.rstrip('/')}/api/sessions/{name}"

    async def connect(self) -> EventStreamLink:
        """A new connection.

        Raises:
            Unreachable: Nobody answers, or not as this server does.
            Refused: The server does not let this client in.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._open()
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(str(error.os_error)) from error
        except TimeoutError as error:
            raise Unreachable("no answer came") from error
        except (aiohttp.ClientError, OSError, LinkLost) as error:
            raise Unreachable(str(error)) from error

    async def _open(self) -> EventStreamLink:
        response = await self._http.get(
            f"{self._url}/events",
            headers={"Accept": CONTENT_TYPE},
            timeout=aiohttp.ClientTimeout(total=None),
        )
        try:
            await _check(response)
            events = EventParser()
            arrived: list[Carried] = []
            connection_id = None
            async for chunk in response.content.iter_any():
                for event_type, data in events.feed(chunk):
                    if event_type == "closing":
                        raise _closing(data)
                    if event_type == "welcome":
                        connection_id = msgspec.json.decode(data, type=_Welcome).connection_id
                    arrived.append(carried(event_type, data))
                if connection_id is not None:
                    return EventStreamLink(
                        self._http,
                        response,
                        self._url,
                        connection_id,
                        arrived=arrived,
                        events=events,
                    )
        except msgspec.DecodeError as error:
            response.close()
            raise Unreachable("the answer is not ptybridge's") from error
        except BaseException:
            response.close()
            raise
        response.close()
        raise Unreachable("the event stream ended before it began")

    async def better(self) -> None:
        """There is none."""
        return

    async def close(self) -> None:
        """Nothing is held."""


class _Welcome(msgspec.Struct, frozen=True):
    connection_id: str = msgspec.field(name="connectionID")


class _ErrorText(msgspec.Struct, frozen=True):
    message: str


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _ErrorText


async def _check(response: aiohttp.ClientResponse) -> None:
    """Make sure that an event stream follows.

    Raises:
        Refused: The server says no.
        Unreachable: It does not follow, which may change.
    """
    if response.status == 200 and response.content_type == CONTENT_TYPE:  # noqa: PLR2004 - OK
        return
    said = ""
    with contextlib.suppress(msgspec.DecodeError):
        said = msgspec.json.decode(await response.read(), type=_ErrorBody).error.message
    if response.status in REFUSALS:
        raise Refused(response.status, said or REFUSALS[response.status])
    raise Unreachable(f"no event stream comes ({response.status}{said and ': '}{said})")
