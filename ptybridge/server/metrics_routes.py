"""``GET /metrics``: the server's numbers, for its owners and for whoever holds the scrape token."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from ptybridge import __version__
from ptybridge.core.errors import Denied
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.core.registry import Registry
from ptybridge.core.statistics import Statistics
from ptybridge.core.values import Role
from ptybridge.server.callers import CALLER
from ptybridge.server.middlewares import bearer_of, identify, login_bearer_of, refusal_of_strangers
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.throttle import THROTTLE

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsRoutes:
    """The handler and what it needs."""

    def __init__(
        self,
        *,
        registry: Registry,
        pool: ConnectionPool,
        authenticator: Authenticator,
        is_scraper: Callable[[str], bool],
        exposition: Callable[[Statistics], bytes],
        base: str,
    ) -> None:
        """Take what the handler needs.

        Args:
            registry: All sessions and terminals.
            pool: All connections.
            authenticator: Knows who is asking.
            is_scraper: Whether that is the token that opens this route and nothing else.
            exposition: Makes the text of the statistics.
            base: The path below which all routes lie: empty, or beginning with a slash.
        """
        self._registry = registry
        self._pool = pool
        self._authenticator = authenticator
        self._is_scraper = is_scraper
        self._exposition = exposition
        self._base = base

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_get(f"{self._base}/metrics", self.metrics, allow_head=False)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """The numbers as they are now."""
        token, is_scraper = bearer_of(request), False
        if token is None or login_bearer_of(request) is not None:
            identity = identify(request, self._authenticator)
        else:
            with request.config_dict[THROTTLE].attempt(request[CALLER].address) as attempt:
                identity = self._authenticator.authenticate(token)
                is_scraper = self._is_scraper(token)
                attempt.is_right = is_scraper or identity is not None
        if not is_scraper:
            if identity is None:
                return await refusal_of_strangers(request, self._authenticator)
            self._require_owner(identity)
        wrong = request.config_dict[THROTTLE].wrong
        return web.Response(
            body=self._exposition(self._statistics(wrong)),
            headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"},
        )

    @staticmethod
    def _require_owner(identity: Identity) -> None:
        """Let only those through who own the whole server."""
        if identity.role is not Role.OWNER or identity.session is not None:
            raise Denied("only owners of the server see its metrics")

    def _statistics(self, wrong_logins: int) -> Statistics:
        return Statistics(
            version=__version__,
            terminals=self._registry.statistics(),
            connections=len(self._pool),
            connections_opened=self._pool.opened,
            wrong_logins=wrong_logins,
            tasks=len(asyncio.all_tasks()),
        )
