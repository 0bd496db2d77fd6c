"""A link that comes back by itself: one after the other, by the server's reconnect settings."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ptybridge.client.errors import CannotConnect, ClientError, ConnectionEnded, LinkBroke, Refused
from ptybridge.client.links import Carried, Link, LinkLost, Transport, TransportName
from ptybridge.wire import messages, server_messages

FINAL = frozenset({1000, 1008, 4001, 4002})
"""Close codes after which nobody comes back (docs/wire.md section 6)."""

MAX_DELAY = 30.0
"""Seconds between two attempts at the most."""

FIRST_PING = messages.PingTimes(interval=10_000, timeout=10_000)
"""What holds until the server has said otherwise."""

MOVE_SECONDS = 5.0
"""How long a move to a better transport waits for what is on its way."""


@dataclass(frozen=True, slots=True)
class State:
    """How the connection is.

    Attributes:
        name: waiting is for the next attempt.
        transport: What carries it, or carried it last.
        attempt: Which attempt comes next, from 1.
        delay: Seconds until it.
        reason: Why the link is gone, as far as is known.
    """

    name: Literal["connected", "waiting", "ended"]
    transport: TransportName | None = None
    attempt: int = 0
    delay: float = 0.0
    reason: str = ""


class Passenger(Protocol):
    """Whose messages a lifeline carries."""

    def received(self, item: Carried) -> messages.ServerMessage | None:
        """Something has come; the message that it was.

        Raises:
            LinkLost: It makes no sense.
        """

    async def resume(self) -> None:
        """There is a link: go on with all that there was.

        Raises:
            LinkBroke: It is gone again.
        """

    def is_at_rest(self) -> bool:
        """Send nothing new from now on; whether nothing is on its way."""

    def suspended(self) -> None:
        """The link is gone; another may come."""

    def ended(self, failure: ClientError) -> None:
        """No other will come."""


class Lifeline:
    """Keeps a link up.

    Attributes:
        link: The present one; None while there is none.
        welcome: What the server said at its beginning; None before the first.
        state: How the connection is.
    """

    def __init__(
        self,
        transport: Transport,
        passenger: Passenger,
        *,
        on_state: Callable[[State], None],
        is_returning: bool,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``is_returning`` is whether it comes back; ``jitter`` spreads who does, 0 to 1."""
        self.link: Link | None = None
        self.welcome: messages.Welcome | None = None
        self.state = State("waiting")
        self._transport = transport
        self._passenger = passenger
        self._on_state = on_state
        self._is_returning = is_returning
        self._jitter = jitter
        self._up = asyncio.Event()
        self._failure: ClientError | None = None
        self._running: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._attempt = 0

    async def begin(self) -> None:
        """Connect for the first time.

        Raises:
            CannotConnect: It does not come about.
            ConnectionEnded: It came about, and ended at once.
        """
        link = await self._transport.connect()
        self._running = asyncio.create_task(self._run(link), name="ptybridge client")
        await self.connected()

    async def connected(self) -> None:
        """Wait until there is a link on which all goes on.

        Raises:
            ClientError: There will be none.
        """
        await self._up.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def is_up(self) -> bool:
        """Whether there is a link on which all goes on."""
        return self._up.is_set() and self._failure is None

    async def close(self) -> None:
        """End it for good. Idempotent."""
        self._end(ConnectionEnded(1000, "the client has closed it"), "")
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        await self._transport.close()

    async def _run(self, link: Link) -> None:
        """Serve one link after the other."""
        while True:
            try:
                outcome = await self._serve(link)
            finally:
                await link.close()
            if isinstance(outcome, LinkLost):
                found = await self._come_back(outcome)
                if found is None:
                    return
                link = found
            else:
                link = outcome

    async def _come_back(self, lost: LinkLost) -> Link | None:
        """Try until there is a link again; None when it is not to be, and said."""
        reason = str(lost)
        while self._may_return(lost.code):
            assert self.welcome is not None
            reconnect = self.welcome.reconnect
            ceiling = reconnect.delay / 1000 * 2 ** min(self._attempt, 16)
            delay = self._jitter() * min(MAX_DELAY, ceiling)
            self._attempt += 1
            self._change(State("waiting", self.state.transport, self._attempt, delay, reason))
            await asyncio.sleep(delay)
            try:
                return await self._transport.connect()
            except Refused as error:
                self._end(error, str(error))
                return None
            except CannotConnect as error:
                reason = str(error)
        self._end(ConnectionEnded(lost.code, reason), reason)
        return None

    def _may_return(self, code: int) -> bool:
        if not self._is_returning or code in FINAL or self.welcome is None:
            return False
        most = self.welcome.reconnect.max_attempts
        return most == 0 or self._attempt < most

    async def _serve(self, link: Link) -> LinkLost | Link:
        """Serve one link until it is lost, or until there is a better one."""
        self.link = link
        self._heard_at = asyncio.get_running_loop().time()
        listening = asyncio.create_task(self._listen(link), name="ptybridge client: listening")
        watching = asyncio.create_task(self._watch(link), name="ptybridge client: watching")
        better = asyncio.create_task(self._better(listening), name="ptybridge client: better")
        pending = {listening, watching, better}
        try:
            while not (listening.done() or watching.done()):
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if better in pending and better.done():
                    pending.remove(better)
                    if (found := better.result()) is not None:
                        await self._come_to_rest(link)
                        return found
            return listening.result() if listening.done() else watching.result()
        finally:
            self.link = None
            self._up.clear()
            for task in (listening, watching, better):
                task.cancel()
            self._passenger.suspended()

    async def _better(self, listening: "asyncio.Task[LinkLost]") -> Link | None:
        link = await self._transport.better()
        if link is not None and listening.done():
            await link.close()
            return None
        return link

    async def _come_to_rest(self, link: Link) -> None:
        """Send nothing new, and wait until what is on its way has arrived."""
        self._up.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOVE_SECONDS):
                while not (self._passenger.is_at_rest() and link.is_idle):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # views, requests and the link tell no one event

    async def _listen(self, link: Link) -> LinkLost:
        """Take what comes until nothing more does."""
        now = asyncio.get_running_loop().time
        resuming: asyncio.Task[None] | None = None
        try:
            while True:
                item = await link.receive()
                self._heard_at = now()
                message = self._passenger.received(item)
                if isinstance(message, messages.Welcome) and resuming is None:
                    self.welcome = message
                    self._attempt = 0
                    resuming = asyncio.create_task(self._resume(link), name="resuming")
        except LinkLost as lost:
            return lost
        finally:
            if resuming is not None:
                resuming.cancel()

    async def _watch(self, link: Link) -> LinkLost:
        """Ask for life after a silence; ends when none is shown."""
        now = asyncio.get_running_loop().time
        while True:
            ping = FIRST_PING if self.welcome is None else self.welcome.ping
            silence, interval, patience = now() - self._heard_at, ping.interval, ping.timeout
            if silence * 1000 >= interval + patience:
                return LinkLost(1006, "the server is silent")
            if silence * 1000 >= interval:
                link.post(server_messages.encode(messages.Ping()))
                await asyncio.sleep(patience / 4000)
            else:
                await asyncio.sleep(interval / 1000 - silence)

    async def _resume(self, link: Link) -> None:
        """Have the passenger go on."""
        with contextlib.suppress(LinkBroke):
            await self._passenger.resume()
            self._change(State("connected", link.transport))
            self._up.set()

    def _end(self, failure: ClientError, reason: str) -> None:
        """Nothing more comes, ever. Idempotent."""
        if self._failure is None:
            self._failure = failure
            self._up.set()
            self._passenger.ended(failure)
            self._change(State("ended", self.state.transport, reason=reason))

    def _change(self, state: State) -> None:
        self.state = state
        self._on_state(state)
