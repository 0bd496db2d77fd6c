"""WebSocket where the network lets it through, else server-sent events, and back again later."""

import asyncio
import json
from collections.abc import Callable

import aiohttp

from ptybridge.client.errors import CannotConnect, Refused, UpgradeFailed
from ptybridge.client.links import Link, Transport
from ptybridge.client.websocket import REFUSALS

RETRY_SECONDS = 300.0
"""How long it is remembered that WebSocket did not come through."""

UNAUTHORIZED = 401
"""The server does not know the token (RFC 9110 section 15.5.2): asking twice counts twice."""

ANSWER_SECONDS = 10.0
"""How long the question what the server wants may take."""


async def wants_events(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether the server wants server-sent events to be used from the start (``transport.mode``).

    A server that does not say so, or not at all, is one that does not: connecting will tell.

    Raises:
        Refused: It does not know the token, and counts how often it is shown a wrong one.
    """
    patience = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with http.get(f"{url.rstrip('/')}/api/whoami", timeout=patience) as answer:
            if answer.status == UNAUTHORIZED:
                raise Refused(UNAUTHORIZED, REFUSALS[UNAUTHORIZED])
            who = json.loads(await answer.read()) if answer.ok else None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
    return isinstance(who, dict) and who.get("transport") == "sse"


class EitherTransport:
    """Prefers the first transport, and falls back to the second one when no upgrade comes of it."""

    def __init__(
        self,
        first: Transport,
        second: Transport,
        *,
        time: Callable[[], float],
        retry_after: float = RETRY_SECONDS,
    ) -> None:
        """``time`` is a monotonic clock; ``retry_after`` in its seconds."""
        self._first = first
        self._second = second
        self._time = time
        self._retry_after = retry_after
        self._failed_at = float("-inf")
        self._is_second = False

    async def connect(self) -> Link:
        """A new connection over the one that works.

        Raises:
            CannotConnect: Neither does; what the second one found.
        """
        if self._time() - self._failed_at >= self._retry_after:
            try:
                link = await self._first.connect()
            except (UpgradeFailed, Refused) as error:
                if isinstance(error, Refused) and error.status == UNAUTHORIZED:
                    raise
                # What else is refused may be so by something in the way: the second will know.
                link = await self._second.connect()
                # Only now is it known that the network blocks the one and nothing else.
                self._failed_at = self._time()
            else:
                self._is_second = False
                return link
        else:
            link = await self._second.connect()
        self._is_second = True
        return link

    async def better(self) -> Link | None:
        """Where the second one serves: wait until the first one works."""
        while self._is_second:
            wait = self._failed_at + self._retry_after - self._time()
            await asyncio.sleep(max(0.0, wait))
            try:
                link = await self._first.connect()
            except CannotConnect:
                self._failed_at = self._time()
            else:
                self._failed_at = float("-inf")
                self._is_second = False
                return link
        return None

    async def close(self) -> None:
        """Close both."""
        await self._first.close()
        await self._second.close()
