"""The Python client where the network lets no WebSocket through, and when it does again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from ptybridge.client import (
    CannotConnect,
    Client,
    Output,
    Refused,
    State,
    TransportName,
    Unreachable,
    View,
    connect,
)
from ptybridge.client.either import EitherTransport
from ptybridge.client.errors import UpgradeFailed
from ptybridge.client.links import Carried, LinkLost
from ptybridge.client.sse import EventStreamTransport
from ptybridge.client.websocket import WebSocketTransport
from ptybridge.wire import session_messages as wire
from tests.server import TOKEN, Server, running


class FakeLink:
    is_idle = True

    def __init__(self, transport: TransportName) -> None:
        self.transport = transport

    def post(self, item: Carried) -> None:
        """Drop it."""

    async def receive(self) -> Carried:
        raise LinkLost

    async def close(self) -> None:
        """Nothing is held."""


class FakeTransport:
    """Connects, or fails as it is told to."""

    def __init__(self, name: TransportName, failure: CannotConnect | None = None) -> None:
        self.failure = failure
        self.tries = 0
        self._name = name

    async def connect(self) -> FakeLink:
        self.tries += 1
        if self.failure is not None:
            raise self.failure
        return FakeLink(self._name)

    async def better(self) -> None:
        """There is none."""

    async def close(self) -> None:
        """Nothing is held."""


class Network:
    """Both transports, and a clock."""

    def __init__(self, failure: CannotConnect | None = None) -> None:
        self.now = 100.0
        self.sockets = FakeTransport("websocket", failure)
        self.events = FakeTransport("sse")
        self.either = EitherTransport(
            self.sockets, self.events, time=lambda: self.now, retry_after=300
        )

    async def carried_by(self) -> str:
        return (await self.either.connect()).transport


async def test_a_websocket_that_comes_through_is_all_that_is_used() -> None:
    network = Network()
    assert [await network.carried_by() for _ in range(2)] == ["websocket"] * 2
    assert network.events.tries == 0
    assert await network.either.better() is None


@pytest.mark.parametrize("failure", [UpgradeFailed("blocked"), Refused(403, "by a proxy")])
async def test_a_failed_upgrade_is_remembered_for_a_while(failure: CannotConnect) -> None:
    network = Network(failure)
    assert [await network.carried_by() for _ in range(3)] == ["sse"] * 3
    assert network.sockets.tries == 1
    network.now += 300
    assert await network.carried_by() == "sse"
    assert network.sockets.tries == 2
    network.sockets.failure = None
    network.now += 300
    assert await network.carried_by() == "websocket"


@pytest.mark.parametrize("failure", [Unreachable("nobody"), Refused(401, "who are you")])
async def test_who_is_not_there_or_lets_nobody_in_is_not_asked_in_another_way(
    failure: CannotConnect,
) -> None:
    network = Network(failure)
    with pytest.raises(type(failure)):
        await network.carried_by()
    assert network.events.tries == 0


async def test_a_server_that_was_away_costs_websocket_nothing() -> None:
    network = Network(UpgradeFailed("restarting"))
    network.events.failure = Unreachable("restarting")
    with pytest.raises(Unreachable):
        await network.carried_by()
    network.sockets.failure = network.events.failure = None
    assert await network.carried_by() == "websocket"


# --- a real network in which something is in the way


class Proxy:
    """Passes everything on but, while it ``blocks``, upgrades."""

    def __init__(self, server: Server) -> None:
        self.blocks = True
        self.port = 0
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        for way in (self._up(reader, up_writer, writer), self._down(up_reader, writer)):
            task = asyncio.create_task(way)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _up(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        own, theirs = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._server.port}"
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self.blocks and b"upgrade: websocket" in data.lower():
                    client.write(b"HTTP/1.1 403 Blocked\r\nContent-Length: 0\r\n\r\n")
                    break
                server.write(data.replace(own.encode(), theirs.encode()))
            server.close()

    async def _down(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await server.read(65_536):
                client.write(data)
                await client.drain()
            client.close()


@asynccontextmanager
async def proxied(server: Server) -> AsyncIterator[Proxy]:
    proxy = Proxy(server)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()


async def lines_until(view: View, last: str) -> list[str]:
    """What a terminal prints until that line, each byte once and in its place."""
    text, end = b"", None
    async for item in view:
        if isinstance(item, Output):
            assert end in {None, item.offset}
            end = item.offset + len(item.data)
            text += item.data
            if f"{last}\r\n".encode() in text:
                break
    return text.decode().split()


async def test_it_falls_back_says_so_and_goes_back_without_losing_anything() -> None:
    states: list[State] = []
    script = "stty raw -echo opost; echo READY; while read -r word; do echo $word; done"
    async with (
        running() as server,
        proxied(server) as proxy,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        asyncio.timeout(50),
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        transport = EitherTransport(
            WebSocketTransport(http, url, session="main"),
            EventStreamTransport(http, url, session="main"),
            time=asyncio.get_running_loop().time,
            retry_after=0.3,
        )
        async with Client(transport, on_state=states.append) as client:
            carried = [client.transport]
            view = await client.open_view(command=["/bin/sh", "-c", script])
            heard = await client.subscribe("main")
            typed = [str(number) for number in range(1000, 1200)]

            async def type_all() -> None:
                for count, word in enumerate(typed):
                    await view.write(f"{word}\n".encode())
                    if count % 10 == 0:
                        await client.say("main", word)
                        await asyncio.sleep(0.02)
                    proxy.blocks = count < len(typed) // 3

            # Before that the terminal itself still echoes what is typed.
            assert await lines_until(view, "READY") == ["READY"]
            typing = asyncio.create_task(type_all())
            assert await lines_until(view, typed[-1]) == typed
            await typing
            while carried[-1] != "websocket":
                await asyncio.sleep(0.02)
                carried.append(client.transport)
            await client.say("main", "end")
            said = []
            async for event in heard:
                if isinstance(event, wire.MessageCreated):
                    said.append(event.message.parts[0].text)
                    if said[-1] == "end":
                        break
        assert carried[0] == "sse"
        assert said == [*typed[::10], "end"]
    assert [state.transport for state in states if state.name == "connected"] == [
        "sse",
        "websocket",
    ]
    assert not [state for state in states if state.name == "waiting"]


async def test_connect_falls_back_by_itself() -> None:
    async with (
        running() as server,
        proxied(server) as proxy,
        connect(f"http://127.0.0.1:{proxy.port}", token=TOKEN) as client,
    ):
        assert client.transport == "sse"
        answer = await client.prompt("main", "echo through")
        assert [delta async for delta in answer] == ["through\n"]
