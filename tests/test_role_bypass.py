"""No message and no frame, whatever its shape, makes a watcher more than one who looks on.

Messages are made from what the decoder itself takes, so that a new type of message is tried as
soon as there is one; they go over real connections through the router, the gate and the handlers.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec.inspect as shapes
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ptybridge.core.values import Role
from ptybridge.server.gate import NEEDED
from ptybridge.wire.frames import Kind
from ptybridge.wire.messages import CLIENT_MESSAGES, Request, decode
from tests.people import logged_in, share
from tests.server import Client, Server, running, settings_of

TYPED = "stty raw -echo; echo READY; exec cat"

TERMINAL = "TERMINAL"
"""Stands for the terminal's name, which is known only when the server runs."""

SESSIONS = ("main", "secret", "unheard-of")

KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "terminalID": st.sampled_from([TERMINAL, "HIDDEN", "no-such-terminal"]),
    "sessionID": st.sampled_from(SESSIONS),
    "channel": st.sampled_from([1, 2]),
    "rows": st.sampled_from([5, 50]),
    "cols": st.sampled_from([11, 111]),
    "to": st.sampled_from(["1", "2", "3"]),
    "command": st.just(["sh", "-c", "kill -9 $PPID"]),
    "cwd": st.just("/"),
    "offset": st.sampled_from([0, 1, 9]),
    "data": st.sampled_from(["x", "\r", "rm -rf /\r"]),
    "text": st.text(max_size=5),
}
"""Values that mean something, by the fields' names; the watcher views ``TERMINAL`` on channel 1."""

COUNT = 300
TURN = 30
"""Messages over one connection; then there is a new one, should it have been closed."""

WRITES = sorted(name for name, role in NEEDED.items() if role is Role.WRITER)


def of(shape: shapes.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each shape
    """Values that the decoder takes for a field of this shape."""
    match shape:
        case shapes.UnionType(types=types):
            return st.one_of(*map(of, types))
        case shapes.NoneType():
            return st.none()
        case shapes.BoolType():
            return st.booleans()
        case shapes.IntType(ge=low, le=high):
            return st.integers(low, high)
        case shapes.StrType(min_length=low, max_length=high):
            return st.text(min_size=low or 0, max_size=min(high or 12, 12))
        case shapes.BytesType():
            return st.sampled_from(["eA==", "DQ=="])
        case shapes.LiteralType(values=values):
            return st.sampled_from(values)
        case shapes.ListType(item_type=item, min_length=low):
            return st.lists(of(item), min_size=low or 0, max_size=3)
        case shapes.StructType(fields=fields):
            return filled(fields)
        case _:
            raise AssertionError(f"no values are known for {shape}")


def filled(fields: tuple[shapes.Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with all that must be there, and some of what may be."""
    values = {field.encode_name: KNOWN.get(field.encode_name, of(field.type)) for field in fields}
    return st.fixed_dictionaries(
        {field.encode_name: values[field.encode_name] for field in fields if field.required},
        optional={
            field.encode_name: values[field.encode_name] for field in fields if not field.required
        },
    )


def messages(name: str) -> st.SearchStrategy[str]:
    """Messages of a type."""
    shape = shapes.type_info(CLIENT_MESSAGES[name])
    assert isinstance(shape, shapes.StructType)
    return filled(shape.fields).map(lambda data: json.dumps({"type": name, "data": data}))


FRAMES = st.builds(
    lambda kind, channel, offset, rest: (
        bytes([kind]) + channel.to_bytes(4, "big") + offset.to_bytes(8, "big") + rest
    ),
    st.sampled_from([*map(int, Kind), 0, 200]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([0, 1, 2**63]),
    st.binary(max_size=9),
)

ANY_MESSAGE = st.sampled_from(sorted(CLIENT_MESSAGES)).flatmap(messages)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Many different values of a strategy."""
    values: list[Any] = []

    @hypothesis_settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(value: Any) -> None:
        values.append(value)

    collect()
    return values


@pytest.mark.parametrize("name", sorted(CLIENT_MESSAGES))
@given(st.data())
def test_what_is_tried_is_what_the_decoder_takes(name: str, data: st.DataObject) -> None:
    text = data.draw(messages(name))
    if name == "input":  # which has to have exactly one of two fields
        text = json.dumps({"type": name, "data": {"data": "x", **_without_both(text)}})
    request = decode(text.encode())
    assert isinstance(request, Request)
    assert request.message.type == name


def _without_both(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)["data"]
    return {key: value for key, value in data.items() if key not in {"data", "base64"}}


class Scene:
    """A terminal that prints what it is given, with its owner and a hidden session beside it."""

    def __init__(self, server: Server, owner: Client, terminal: str, hidden: str) -> None:
        self.server = server
        self.owner = owner
        self.terminal = terminal
        self.hidden = hidden

    def named(self, text: str) -> str:
        return text.replace(TERMINAL, self.terminal).replace("HIDDEN", self.hidden)

    async def state(self) -> Any:
        """All that somebody with rights could change."""
        listed = await (await self.server.http.get(self.server.url("/api/sessions"))).json()
        registry = self.server.registry
        return (
            sorted(session["id"] for session in listed["sessions"]),
            sorted(registry.terminals),
            [
                (terminal.size, terminal.status, len(terminal.viewers))
                for terminal in registry.terminals.values()
            ],
            [list(session.chat.recent) for session in registry.sessions.values()],
        )

    async def is_untouched(self) -> None:
        """Make sure that not a byte has reached the program but what the owner types now."""
        await self.owner.type(b"END")
        assert await self.owner.output_until(b"END") == b"END"


async def in_scene(attack: Callable[[Scene, aiohttp.ClientSession], Awaitable[None]]) -> None:
    """Let a guest by a watcher's link try something, and look whether anything has changed."""
    settings = settings_of(terminals={"control": "turn"}, responder={"kind": "shell"})
    async with (
        running(settings) as server,
        server.plain("/ws?sessionID=secret") as other,
        server.binary() as owner,
    ):
        hidden = await other.open()
        await owner.send("terminal.open", rows=24, cols=80, command=["sh", "-c", TYPED])
        terminal = (await owner.receive("terminal.opened"))["data"]["terminal"]["id"]
        await owner.attach(terminal)
        await owner.output_until(b"READY\n")
        link = await share(server, role="watcher")
        scene = Scene(server, owner, terminal, hidden)
        before = await scene.state()
        async with logged_in(server, share=link["token"]) as guest:
            await attack(scene, guest)
        await scene.is_untouched()
        async with server.binary() as later:  # answered after all that the guest's had to do
            await later.send("ping")
            await later.receive("pong")
        after = await scene.state()
        assert after[:2] == before[:2]
        assert after[3] == before[3]
        assert [state[:2] for state in after[2]] == [state[:2] for state in before[2]]


async def answered(client: Client) -> None:
    """Wait until all that was sent has been served."""
    await client.send("ping", request_id=987_654)
    while (await client.receive("pong")).get("id") != 987_654:
        pass


@pytest.mark.parametrize("speaks_binary", [False, True])
async def test_a_watcher_changes_nothing_over_a_socket(speaks_binary: bool) -> None:
    tries = drawn(st.one_of(ANY_MESSAGE, ANY_MESSAGE, FRAMES), COUNT)

    async def attack(scene: Scene, guest: aiohttp.ClientSession) -> None:
        url = scene.server.url("/ws?sessionID=main")
        protocols = ["ptybridge.v1"] if speaks_binary else []
        for start in range(0, len(tries), TURN):
            async with guest.ws_connect(url, protocols=protocols, max_msg_size=0) as ws:
                client = Client(ws)
                attached = await client.attach(scene.terminal, role="owner")
                assert attached["role"] == "watcher"
                for tried in tries[start : start + TURN]:
                    if isinstance(tried, str):
                        await ws.send_str(scene.named(tried))
                    elif speaks_binary:
                        await ws.send_bytes(tried)
                await answered(client)

    await in_scene(attack)


async def test_a_watcher_changes_nothing_by_posts() -> None:
    tries = drawn(ANY_MESSAGE, COUNT // 3)

    async def attack(scene: Scene, guest: aiohttp.ClientSession) -> None:
        url = scene.server.url("/api/sessions/main/messages")
        for tried in tries:
            body = scene.named(tried).encode()
            response = await guest.post(
                url, data=body, headers={"Content-Type": "application/json"}
            )
            assert response.status in {200, 204, 503}, await response.text()

    await in_scene(attack)


@pytest.mark.parametrize("name", WRITES)
async def test_what_takes_a_writer_is_denied_by_name(name: str) -> None:
    """Well-formed and at the watcher's own terminal and session: nothing but the role is wrong."""
    all_data: dict[str, dict[str, Any]] = {
        "terminal.open": {"rows": 24, "cols": 80},
        "terminal.close": {"terminalID": TERMINAL},
        "input": {"channel": 1, "data": "x"},
        "control": {"channel": 1, "action": "request"},
        "say": {"text": "x"},
        "prompt": {"parts": [{"type": "text", "text": "ls"}]},
        "cancel": {},
        "approve": {"callID": "1", "approved": True},
        "typing": {"typing": True},
    }

    async def attack(scene: Scene, guest: aiohttp.ClientSession) -> None:
        url = scene.server.url("/ws?sessionID=main")
        async with guest.ws_connect(url, protocols=["ptybridge.v1"]) as ws:
            client = Client(ws)
            await client.attach(scene.terminal)
            message = json.dumps({"type": name, "id": 5, "data": all_data[name]})
            await ws.send_str(scene.named(message))
            while True:
                reply = await client.receive("error", "accepted", "taken", "terminal.opened")
                if reply.get("id") == 5:
                    break
            assert reply["data"]["code"] == "denied", reply

    await in_scene(attack)
