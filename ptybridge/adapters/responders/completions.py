"""Streaming chat completions, as OpenAI's API and those made after it serve them.

The answer to ``POST {baseURL}/chat/completions`` with ``"stream": true`` is a stream of server-sent
events (WHATWG HTML, section 9.2), each with one JSON object, the last with the word ``[DONE]``.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
import msgspec
import yarl

from ptybridge.core.responder import ResponderFailed

CONNECT_SECONDS = 10.0
"""How long connecting may take."""

SILENCE_SECONDS = 300.0
"""How long the endpoint may send nothing: a model on a small machine reads long prompts slowly."""

MAX_LINE_BYTES = 1 << 20
"""A longer line of the stream is malformed."""

MAX_CALLS = 16
"""Tools that a model may ask for at once."""

MAX_ARGUMENT_CHARACTERS = 64 * 1024
"""Characters of one call's arguments."""

_QUOTED_CHARACTERS = 300
_OK = 200
_REFUSED_KEY = (401, 403)

Message = Mapping[str, object]
"""One message as the endpoint takes it: ``role``, ``content`` and what belongs to tools."""


@dataclass(slots=True)
class ToolRequest:
    """What a model asks for, assembled from its pieces.

    Attributes:
        id: The endpoint's name of the call.
        name: The tool.
        arguments: A JSON object, as the model wrote it.
    """

    id: str
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Completion:
    """What one request brought."""

    text: str = ""
    requests: list[ToolRequest] = field(default_factory=list)
    finish: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    error: msgspec.Raw = msgspec.Raw()


class Endpoint:
    """One endpoint, with its model and key. Its errors and its ``repr`` never hold the key.

    Attributes:
        model: The model's name.
    """

    def __init__(self, base_url: str, *, model: str, key: str) -> None:
        """Note where it is.

        Raises:
            ValueError: ``base_url`` is no plain HTTP URL.
        """
        url = yarl.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("expected a URL such as https://api.example.org/v1")
        if url.user is not None or url.password is not None or url.query or url.fragment:
            raise ValueError("a URL with a user, a query or a fragment cannot be used")
        self.model = model
        self._key = key
        self._where = str(url.origin())
        self._url = yarl.URL(base_url.rstrip("/") + "/chat/completions")

    async def complete(
        self, messages: Sequence[Message], tools: Sequence[Message], heard: Callable[[str], None]
    ) -> Completion:
        """Ask the model. Cancelling the task closes the stream at once.

        Args:
            messages: What was said, oldest first.
            tools: What it may use, in the API's form.
            heard: Gets the text as it comes.

        Raises:
            ResponderFailed: The endpoint cannot be reached, refuses, or sends what makes no sense.
        """
        body = {"model": self.model, "messages": messages, "tools": tools, "stream": True}
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
        )
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                # A redirect would send the key to somebody else.
                client.post(
                    self._url, json=body, headers=self._headers(), allow_redirects=False
                ) as response,
            ):
                try:
                    if response.status != _OK:
                        raise await self._refusal(response)
                    return await self._read(response, heard)
                finally:
                    response.close()
        except TimeoutError as error:
            raise ResponderFailed(f"{self._where} did not answer in time") from error
        except aiohttp.ClientConnectorError as error:
            code = error.os_error.errno
            reason = os.strerror(code) if code and code > 0 else "its name is not known"
            raise ResponderFailed(f"{self._where} cannot be reached: {reason}") from error
        except aiohttp.ClientSSLError as error:
            raise ResponderFailed(f"{self._where} cannot be reached: TLS failed") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ResponderFailed(f"the connection to {self._where} was lost") from error

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}", "Accept": "text/event-stream"}

    async def _refusal(self, response: aiohttp.ClientResponse) -> ResponderFailed:
        """Why there is no stream; what an endpoint says of a refused key may hold parts of it."""
        if response.status in _REFUSED_KEY:
            return ResponderFailed(f"{self._where} refused the key (HTTP {response.status})")
        body = await response.content.read(64 * 1024)
        try:
            said = msgspec.json.decode(body, type=_Chunk).error
        except msgspec.MsgspecError:
            said = msgspec.Raw()
        quoted = self._quoted(said)
        return ResponderFailed(f"{self._where} answered HTTP {response.status}{quoted}")

    def _quoted(self, error: msgspec.Raw) -> str:
        """``: `` and what an ``error`` of the endpoint says, on one line and without the key."""
        try:
            value = msgspec.json.decode(error)
        except msgspec.MsgspecError:
            return ""
        text = value.get("message") if isinstance(value, dict) else value
        if not isinstance(text, str):
            return ""
        text = text.replace(self._key, "***")
        shown = (character if character.isprintable() else " " for character in text)
        line = " ".join("".join(shown).split())
        return f": {line[:_QUOTED_CHARACTERS]}" if line else ""

    async def _read(
        self, response: aiohttp.ClientResponse, heard: Callable[[str], None]
    ) -> Completion:
        completion = Completion()
        async for data in self._events(response):
            if data == b"[DONE]":
                return completion
            try:
                chunk = msgspec.json.decode(data, type=_Chunk)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise self._malformed() from error
            if bytes(chunk.error) not in (b"", b"null"):
                raise ResponderFailed(f"{self._where} reported an error{self._quoted(chunk.error)}")
            for choice in (chunk.choices or ())[:1]:
                completion.finish = choice.finish_reason or completion.finish
                self._take(choice.delta or _Delta(), completion, heard)
        if completion.finish is None:
            raise ResponderFailed(f"the stream of {self._where} ended before the answer did")
        return completion  # some endpoints say no [DONE]

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """What the ``data:`` lines hold. Each is one event, for the JSON is on one line always."""
        left = bytearray()
        async for received in response.content.iter_any():
            left += received
            *lines, rest = left.split(b"\n")
            left = rest
            if len(left) > MAX_LINE_BYTES:
                raise self._malformed()
            for line in lines:
                if line.startswith(b"data:"):
                    yield bytes(line[5:].strip())
        if left.startswith(b"data:"):
            yield bytes(left[5:].strip())

    def _take(self, delta: _Delta, completion: Completion, heard: Callable[[str], None]) -> None:
        if delta.content:
            completion.text += delta.content
            heard(delta.content)
        requests = completion.requests
        for piece in delta.tool_calls or ():
            # Without an index, a piece with a name of its own begins another call.
            position = piece.index
            if position is None:
                position = len(requests) if piece.id or not requests else len(requests) - 1
            if not 0 <= position <= len(requests) or position >= MAX_CALLS:
                raise self._malformed()
            if position == len(requests):
                requests.append(ToolRequest(f"call_{position}"))
            request = requests[position]
            request.id = piece.id or request.id
            if piece.function is not None:
                request.name += piece.function.name or ""
                request.arguments += piece.function.arguments or ""
            if len(request.arguments) > MAX_ARGUMENT_CHARACTERS:
                raise self._malformed()

    def _malformed(self) -> ResponderFailed:
        return ResponderFailed(f"{self._where} sent a malformed stream")
