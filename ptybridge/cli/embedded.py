"""A bridge in this process, without a network: for ``ptybridge run --transport direct``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

from ptybridge.adapters.access_store import AccessStore
from ptybridge.adapters.responders.processes import directory_of
from ptybridge.adapters.spawner import Spawner
from ptybridge.adapters.workers import ThreadWorkers
from ptybridge.cli.channel import responder_of
from ptybridge.cli.confining import confinement_of
from ptybridge.cli.preparation import terminal_defaults
from ptybridge.cli.screens import Screens
from ptybridge.client import Client
from ptybridge.client.direct import DirectTransport
from ptybridge.config import Settings
from ptybridge.core.access import Access
from ptybridge.core.identity import OWNER
from ptybridge.server.bridge import Bridge, make_bridge


@asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[Bridge]:
    """Run a bridge until the block ends; its programs end with it, and nothing is kept.

    Raises:
        ServeError: The settings cannot be followed on this machine.
    """
    defaults = terminal_defaults(settings.terminals, may_offer=settings.files.enabled)
    # Nobody who runs a command and reads its output wants to know what else could be had.
    screens = Screens(
        scrollback_lines=settings.terminals.scrollback_lines, on_trouble=lambda _: None
    )
    with closing(AccessStore()) as store:
        async with (
            Spawner(
                input_limit=settings.limits.input_queue_bytes,
                confinement=confinement_of(settings.terminals, defaults, hidden=()),
            ) as spawner,
            ThreadWorkers() as workers,
        ):
            bridge = make_bridge(
                settings,
                defaults=defaults,
                spawner=spawner,
                access=Access(store),
                make_screen=screens.make,
                workers=workers,
                responder=responder_of(settings, defaults),
                directory_of=directory_of,
            )
            try:
                yield bridge
            finally:
                await bridge.close()


def client_of(bridge: Bridge, *, session: str = "main") -> Client:
    """A client of a bridge in this process, to be used with ``async with``."""
    return Client(DirectTransport(partial(bridge.connect, OWNER, session=session)))
