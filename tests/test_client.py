"""The Python client over every transport, against a real server."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from ptybridge.client import (
    Client,
    ConnectionEnded,
    InputInDoubt,
    LinkBroke,
    Output,
    Refused,
    RequestFailed,
    Snapshot,
    State,
    Subscription,
    TransportName,
    Unreachable,
    View,
    connect,
)
from ptybridge.client.direct import Direct, DirectLink, DirectTransport
from ptybridge.client.links import Carried
from ptybridge.core.identity import OWNER, Identity
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import Role, WindowSize
from ptybridge.server.app import BRIDGE
from ptybridge.server.throttle import THROTTLE
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire
from tests.server import TOKEN, Server, running, settings_of

Connect = Callable[..., AbstractAsyncContextManager[Client]]

EAGER = settings_of(transport={"websocket": {"reconnect": {"delay": 20}}})
"""Clients come back at once."""

LOOP = 'stty raw -echo; echo READY; while IFS= read -r line; do echo "<$line>"; done'


@asynccontextmanager
async def directly(server: Server, *, identity: Identity = OWNER) -> AsyncIterator[Client]:
    bridge = server.app[BRIDGE]
    transport = DirectTransport(partial(bridge.connect, identity, session="main"))
    async with Client(transport) as client:
        yield client


@pytest.fixture(params=["websocket", "sse", "direct"])
async def connection(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Server, Connect]]:
    """A server, and what connects to it over one of the transports."""
    async with running() as server:
        if request.param == "direct":
            yield server, partial(directly, server)
        else:
            make = partial(connect, server.url(""), token=TOKEN, transport=request.param)
            yield server, make


async def output_until(view: View, marker: bytes) -> bytes:
    """What the terminal prints until it has printed ``marker``; contiguous."""
    collected = b""
    end = None
    async with asyncio.timeout(20):
        async for item in view:
            if isinstance(item, Output):
                assert end in {None, item.offset}
                end = item.offset + len(item.data)
                collected += item.data
            if marker in collected:
                return collected
    raise AssertionError(collected)


async def until(subscription: Subscription, kind: type[wire.Event]) -> wire.Event:
    async with asyncio.timeout(20):
        async for event in subscription:
            if isinstance(event, kind):
                return event
    raise AssertionError("the subscription ended")


@pytest.mark.parametrize("mode", ["websocket", "sse"])
async def test_a_client_without_a_choice_uses_what_the_server_wants_first(
    mode: TransportName,
) -> None:
    states: list[State] = []
    async with (
        running(settings_of(transport={"mode": mode})) as server,
        connect(server.url(""), token=TOKEN, on_state=states.append) as client,
    ):
        await client.open()
    assert states[0] == State("connected", mode)


async def test_a_terminal_is_opened_typed_into_resized_and_ends(
    connection: tuple[Server, Connect],
) -> None:
    _, make = connection
    async with make() as client:
        terminal = await client.open(command=["/bin/sh"], rows=24, cols=80)
        view = await client.attach(terminal.id, rows=24, cols=80)
        await view.write(b"stty size; echo a''b\r")
        assert b"24 80" in await output_until(view, b"ab\r\n")
        view.resize(30, 100)
        async for item in view:
            if isinstance(item, messages.Resized):
                assert (item.rows, item.cols) == (30, 100)
                break
        await view.write(b"stty size; exit 3\r")
        await view.drain()
        assert b"30 100" in await output_until(view, b"30 100")
        rest = [item async for item in view]
        assert rest[-1] == messages.Exited(terminal.id, code=3)
        with pytest.raises(ConnectionEnded):
            await view.write(b"late")


async def test_a_paste_larger_than_every_window_arrives_whole(
    connection: tuple[Server, Connect],
) -> None:
    _, make = connection
    size = 3_000_000
    async with make() as client:
        command = ["/bin/sh", "-c", f"stty raw -echo; echo READY; head -c {size} | cksum"]
        terminal = await client.open(command=command)
        view = await client.attach(terminal.id)
        await output_until(view, b"READY")
        await view.write(b"x" * size)
        printed = await output_until(view, str(size).encode())
    cksum = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x | cksum",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    expected, _ = await cksum.communicate()
    assert expected.strip() in printed


async def test_a_flood_is_whole_and_holds_nobody_up(connection: tuple[Server, Connect]) -> None:
    _, make = connection
    async with make() as client:
        command = ["/bin/sh", "-c", "read go; seq 1 400000; echo DONE"]
        terminal = await client.open(command=command)
        view = await client.attach(terminal.id)
        await view.write(b"\r")
        printed = await output_until(view, b"DONE\r\n")
    numbers = [int(line) for line in printed.split() if line.isdigit()]
    assert numbers == list(range(1, 400_001))


async def test_who_comes_late_is_given_the_screen(connection: tuple[Server, Connect]) -> None:
    server, make = connection
    async with make() as client:
        terminal = await client.open(command=["/bin/sh", "-c", "seq 1 300000; echo END; read x"])
        async with server.plain() as other:
            await other.attach(terminal.id)
            async with asyncio.timeout(20):
                while "END" not in (await other.receive("output"))["data"]["output"]:
                    pass
        view = await client.attach(terminal.id)
        async for item in view:
            if isinstance(item, Snapshot):
                assert (item.rows, item.cols) == (24, 80)
                assert b"END" in item.data
                break


async def test_a_prompt_is_answered_word_by_word(connection: tuple[Server, Connect]) -> None:
    _, make = connection
    async with make() as client:
        answer = await client.prompt("main", "echo one; echo two; exit 4")
        assert "".join([delta async for delta in answer]) == "one\ntwo\n" == answer.text
        assert (answer.reason, answer.exit) == ("done", wire.ExitOf(code=4))
        again = await client.prompt("main", "echo three")
        kinds = [type(event).__name__ async for event in again.events()]
        assert kinds == ["ToolCall", "TextDelta", "ToolResult"]


async def test_an_answer_of_which_all_events_are_lost_is_asked_for(
    connection: tuple[Server, Connect], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(subscription: Subscription, event: wire.Event | wire.Gap) -> None:
        if isinstance(event, wire.MessageCompleted):
            assert subscription.seq is not None
            gap = wire.Gap(event.session_id, subscription.seq + 1, event.seq)
            real(subscription, gap)

    real = Subscription.told
    monkeypatch.setattr(Subscription, "told", lose)
    _, make = connection
    async with make() as client, asyncio.timeout(20):
        answer = await client.prompt("main", "echo one; exit 4")
        assert [delta async for delta in answer] == ["one\n"]
    assert (answer.reason, answer.exit) == ("done", wire.ExitOf(code=4))


async def test_a_prompt_is_cancelled_and_what_waits_is_withdrawn(
    connection: tuple[Server, Connect],
) -> None:
    _, make = connection
    async with make() as client:
        answer = await client.prompt("main", "echo begun; read forever < /dev/zero")
        waiting = await client.prompt("main", "echo never")
        async for delta in answer:
            assert delta == "begun\n"
            await waiting.cancel()
            await answer.cancel()
        assert (answer.reason, answer.text) == ("cancelled", "begun\n")
        assert [delta async for delta in waiting] == []
        assert waiting.reason == "cancelled"
        with pytest.raises(RequestFailed) as refused:
            await answer.cancel()
        assert refused.value.code == "conflict"


async def test_a_subscription_gives_each_event_once(connection: tuple[Server, Connect]) -> None:
    _, make = connection
    async with make() as ann, make() as bob, await bob.subscribe("main") as heard:
        assert heard.state is not None
        names = [await ann.say("main", f"word {number}") for number in range(50)]
        seen: list[str] = []
        async with asyncio.timeout(20):
            async for event in heard:
                if isinstance(event, wire.MessageCreated):
                    seen.append(event.message.id)
                if len(seen) == len(names):
                    break
        assert seen == names
        late = await bob.subscribe("main", since=0)
        first = await until(late, wire.MessageCreated)
        assert isinstance(first, wire.MessageCreated)
        assert first.message.id == names[0]


async def test_of_two_views_of_a_terminal_each_ends_when_it_has_seen_all(
    connection: tuple[Server, Connect],
) -> None:
    _, make = connection
    async with make() as client:
        terminal = await client.open(command=["sh", "-c", "read _; seq 200000; exit 7"])
        async with (
            await client.attach(terminal.id) as hasty,
            await client.attach(terminal.id) as slow,
        ):
            await hasty.write(b"\r")
            ends = []
            for view in (hasty, slow):  # which is held up meanwhile: nobody takes what it brings
                *items, last = [item async for item in view]
                assert last == messages.Exited(terminal.id, code=7)
                outputs = [item for item in items if isinstance(item, Output)]
                ends.append(outputs[-1].offset + len(outputs[-1].data))
            assert ends[0] == ends[1] > 1_000_000


async def test_what_may_not_be_is_said(connection: tuple[Server, Connect]) -> None:
    _, make = connection
    async with make() as client:
        with pytest.raises(RequestFailed) as missing:
            await client.attach("no-such-terminal")
        assert missing.value.code == "not-found"
        terminal = await client.open()
        watching = await client.attach(terminal.id, role="watcher")
        await watching.write(b"x")
        with pytest.raises(RequestFailed) as denied:
            await watching.drain()
        assert denied.value.code == "denied"
        typing = await client.attach(terminal.id)
        await typing.write(b"echo a''b\r")
        assert b"ab" in await output_until(typing, b"ab\r\n")
        await client.close_terminal(terminal.id)


async def test_who_came_directly_is_who_they_are() -> None:
    guest = Identity("guest", "guest", Role.WATCHER)
    async with running() as server, directly(server, identity=guest) as client:
        assert client.user.id == "guest"
        with pytest.raises(RequestFailed) as denied:
            await client.open()
        assert denied.value.code == "denied"


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_a_cut_loses_no_byte_and_no_event(transport: str) -> None:
    states: list[State] = []
    async with running(EAGER) as server:
        options = {"token": TOKEN, "transport": transport, "on_state": states.append}
        async with connect(server.url(""), **options) as client:  # type: ignore[arg-type]  # params
            terminal = await client.open(command=["/bin/sh", "-c", LOOP])
            view = await client.attach(terminal.id)
            heard = await client.subscribe("main")
            await output_until(view, b"READY")
            answer = await client.prompt(
                "main", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep .05; done"
            )
            typed = b""
            for number in range(8):
                for open_connection in server.pool:
                    open_connection.link.abort()
                while True:
                    try:
                        await view.write(b"%d\n" % number)
                        await view.drain()
                    except InputInDoubt as doubt:
                        typed += b"?" * doubt.count
                        continue
                    break
            await output_until(view, b"<7>")
            assert "".join([delta async for delta in answer]).split() == list("12345678")
            last = await client.say("main", "the last")
            seqs = []
            async for event in heard:
                seqs.append(event.last if isinstance(event, wire.Gap) else event.seq)
                if isinstance(event, wire.MessageCreated) and event.message.id == last:
                    break
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert [state.name for state in states].count("connected") >= 2
    assert states[-1].name == "ended"


@asynccontextmanager
async def cut_within_its_first_snapshot(server: Server) -> AsyncIterator[str]:
    """An address of the server whose first link breaks when a snapshot has begun."""
    links = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal links
        links += 1
        is_first = links == 1
        below, above = await asyncio.open_connection("127.0.0.1", server.port)
        head = await reader.readuntil(b"\r\n\r\n")
        above.write(head.replace(b":%d" % port, b":%d" % server.port))  # in Host

        async def up() -> None:
            while data := await reader.read(65536):
                above.write(data)

        sending = asyncio.create_task(up())
        seen = b""
        while data := await below.read(65536):
            seen += data
            begun = seen.find(b'"attached"')
            if is_first and begun >= 0 and len(seen) > begun + 2000:
                writer.write(data[: max(0, begun + 2000 - len(seen) + len(data))])
                break
            writer.write(data)
        sending.cancel()
        for end in (writer, above):
            end.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


async def test_a_cut_within_the_first_snapshot_does_not_have_it_taken_for_granted() -> None:
    small = settings_of(
        transport={"websocket": {"reconnect": {"delay": 20}}}, terminals={"tailBytes": 65536}
    )
    async with running(small) as server:
        async with connect(server.url(""), token=TOKEN) as client:
            terminal = await client.open(command=["/bin/sh", "-c", "seq 30000; echo READY; cat"])
            seen = b""
            async for item in await client.attach(terminal.id):
                if isinstance(item, Snapshot):  # it has fallen behind: the tail is small
                    seen = item.data
                elif isinstance(item, Output):
                    seen += item.data
                if b"READY" in seen:
                    break
        async with (
            cut_within_its_first_snapshot(server) as url,
            connect(url, token=TOKEN, transport="websocket") as client,
            asyncio.timeout(10),
        ):
            view = await client.attach(terminal.id)
            while not isinstance(item := await anext(view), Snapshot):
                pass
            assert b"READY" in item.data


async def test_another_terminal_of_the_name_is_seen_from_its_beginning() -> None:
    async with running() as server, connect(server.url(""), token=TOKEN) as client:
        session = server.registry.session("main")

        async def begin(script: str) -> Terminal:
            size, command = WindowSize(24, 80), ("/bin/sh", "-c", script)
            return await server.registry.open(session, size=size, command=command, name="build")

        terminal = await begin("printf first; read line")
        view = await client.attach("build")
        await output_until(view, b"first")
        resume = view.request()
        terminal.hang_up()
        async with asyncio.timeout(20):
            while terminal.status is None:
                await asyncio.sleep(0.001)
        await begin("printf 'the second, whole'; read line")
        other = await client.attach("build")
        await output_until(other, b"whole")
        again = msgspec.structs.replace(resume, channel=9)
        attached = await client.request(again)
        assert isinstance(attached, messages.Attached)
        assert (resume.since, attached.offset) == (5, 0)
        assert other.request().created == attached.terminal.created != resume.created


async def test_a_cut_with_typed_bytes_on_their_way_is_said() -> None:
    async with running(EAGER) as server, connect(server.url(""), token=TOKEN) as client:
        command = ["/bin/sh", "-c", "stty raw -echo; echo READY; sleep 600"]
        terminal = await client.open(command=command)
        view = await client.attach(terminal.id)
        await output_until(view, b"READY")
        typing = asyncio.create_task(view.write(b"x" * 10_000_000))
        async with asyncio.timeout(20):
            while not view.is_typing:
                await asyncio.sleep(0)
        for connection in server.pool:
            connection.link.abort()
        with pytest.raises(InputInDoubt) as doubt:
            await typing
        assert 0 < doubt.value.count <= 10_000_000


class Gate(DirectTransport):
    """Connects when it is open."""

    def __init__(self, connect: Callable[[], Direct]) -> None:
        super().__init__(connect)
        self.opened = asyncio.Event()
        self.opened.set()

    async def connect(self) -> DirectLink:
        await self.opened.wait()
        return await super().connect()


async def test_a_terminal_that_is_gone_after_a_cut_ends_the_view() -> None:
    async with running(EAGER) as server:
        gate = Gate(partial(server.app[BRIDGE].connect, OWNER))
        async with Client(gate) as client:
            terminal = await client.open(session="main", command=["/bin/sh", "-c", "sleep 600"])
            view = await client.attach(terminal.id)
            gate.opened.clear()
            for connection in server.pool:
                connection.link.abort()
            there = server.registry.terminal(terminal.id)
            there.hang_up()
            async with asyncio.timeout(20):
                while there.status is None:
                    await asyncio.sleep(0.01)
            server.registry.forget(there)
            gate.opened.set()
            with pytest.raises(RequestFailed) as gone:
                await output_until(view, b"never printed")
    assert gone.value.code == "not-found"


@pytest.mark.parametrize("transport", ["auto", "websocket", "sse"])
async def test_a_wrong_token_is_refused_and_nothing_is_tried_again(transport: str) -> None:
    async with running() as server:
        with pytest.raises(Refused) as refused:
            async with connect(
                server.url(""),
                token="wrong",
                transport=transport,  # type: ignore[arg-type]  # of the parameters
            ):
                pass
        assert server.app[THROTTLE].wrong == 1  # each wrong one counts
    assert refused.value.status == 401


@pytest.mark.parametrize("transport", ["auto", "websocket", "sse"])
async def test_nobody_there_is_unreachable(transport: str, unused_tcp_port: int) -> None:
    with pytest.raises(Unreachable):
        async with connect(
            f"http://127.0.0.1:{unused_tcp_port}",
            transport=transport,  # type: ignore[arg-type]  # of the parameters
        ):
            pass


async def test_a_terminal_is_viewed_from_its_first_byte_however_fast_it_prints(
    connection: tuple[Server, Connect],
) -> None:
    _, make = connection
    async with make() as client:
        view = await client.open_view(command=["/bin/sh", "-c", "seq 1 600000; echo DONE; read x"])
        printed = await output_until(view, b"DONE\r\n")
        view.start_over()
        async with asyncio.timeout(20):
            first = await anext(aiter(view))
        assert isinstance(first, messages.Attached)
    numbers = [int(line) for line in printed.split() if line.isdigit()]
    assert numbers == list(range(1, 600_001))


class BurstLink(DirectLink):
    """Holds back what comes from ``terminal.opened`` until the end, and gives it without a pause.

    So may one read of a socket.
    """

    def __init__(self, server: Direct) -> None:
        super().__init__(server)
        self._held: deque[Carried] = deque()

    async def receive(self) -> Carried:
        if not self._held:
            self._held.append(await super().receive())
            if _tells(self._held[0], b"terminal.opened"):
                while not _tells(self._held[-1], b"exited"):
                    self._held.append(await super().receive())
        return self._held.popleft()


def _tells(item: Carried, message_type: bytes) -> bool:
    return isinstance(item, bytes) and b'"type":"%b"' % message_type in item


class Burst(DirectTransport):
    """Connects by such links."""

    async def connect(self) -> BurstLink:
        return BurstLink(self._connect())


async def test_a_program_that_ends_at_once_is_seen_to_end() -> None:
    async with running(EAGER) as server:
        transport = Burst(partial(server.app[BRIDGE].connect, OWNER))
        async with Client(transport) as client, asyncio.timeout(20):
            view = await client.open_view(session="main", command=["/bin/sh", "-c", "echo word"])
            items = [item async for item in view]
    assert b"".join(item.data for item in items if isinstance(item, Output)) == b"word\r\n"
    assert isinstance(items[-1], messages.Exited)


async def test_the_past_is_read_and_what_was_read_is_told(
    connection: tuple[Server, Connect],
) -> None:
    server, make = connection
    async with make() as client, await client.subscribe("main") as heard, asyncio.timeout(20):
        for number in range(5):
            await client.say("main", f"word {number}")
        page = await heard.history(before=4, limit=2)
        assert [message.number for message in page] == [2, 3]
        assert [message.number for message in await heard.history()] == [1, 2, 3, 4, 5]
        await heard.typing()
        await heard.mark_read(3)
        session = server.registry.session("main")
        assert session.typists.names == {"owner": "owner"}
        assert session.unread(OWNER) == 0
        await heard.typing(is_typing=False)
        assert session.typists.names == {}


async def test_the_end_of_a_session_ends_its_subscriptions(
    connection: tuple[Server, Connect],
) -> None:
    server, make = connection
    async with make() as client, asyncio.timeout(20):
        await client.say("other", "hello")
        heard = await client.subscribe("other")
        server.app[BRIDGE].close_session(server.registry.session("other"))
        events = [event async for event in heard]
        assert isinstance(events[-1], wire.SessionClosed)
        await client.say("main", "goes on")


async def test_the_example_in_the_documents_runs(capfd: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    async with running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            example.replace("http://127.0.0.1:4096", server.url("")),
            env={**os.environ, "PTYBRIDGE_TOKEN": TOKEN},
        )
        async with asyncio.timeout(50):
            assert await process.wait() == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("Linux\ndone\n")
    assert "\r\n42\r\n" in out
    assert "message.created MessageCreated(" in out


async def test_a_session_that_was_made_anew_during_a_cut_is_followed_on() -> None:
    async with (
        running(EAGER) as server,
        connect(server.url(""), token=TOKEN, session="other") as client,
        asyncio.timeout(20),
    ):
        for number in range(5):
            await client.say("main", f"old {number}")
        heard = await client.subscribe("main")
        bridge = server.app[BRIDGE]
        for connection in server.pool:
            connection.link.abort()
        bridge.registry.close_session(server.registry.session("main"))
        with pytest.raises(LinkBroke):
            await client.say("main", "lost")
        await client.say("main", "new")
        await client.say("main", "newer")
        texts = []
        async for event in heard:
            if isinstance(event, wire.MessageCreated):
                texts.append(event.message.parts[0].text)
                if texts[-1] == "newer":
                    break
        assert set(texts) <= {"new", "newer"}
