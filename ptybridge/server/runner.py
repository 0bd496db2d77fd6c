"""How the application is served: over which socket, with or without TLS, and how patiently."""

import asyncio
import logging
import socket
import ssl
from collections.abc import MutableMapping
from typing import Any

from aiohttp import web

from ptybridge.server.middlewares import SECURITY_HEADERS, error_response
from ptybridge.server.unsent import limit_unread

SHUTDOWN_SECONDS = 2.0
"""How long requests that are being answered may take at the end."""

_MALFORMED = "this is no request that HTTP knows"

LINGER_SECONDS = 2.0
"""How long the rest of a request is awaited that has been answered already."""

UNREAD_SECONDS = 60.0
"""How long a client may take nothing of an answer that waits for it."""


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's log without what clients sent: its exceptions quote malformed requests."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        """Keep of an exception its kind only."""
        error = kwargs.pop("exc_info", None)
        kind = type(error).__name__ if isinstance(error, BaseException) else None
        return (f"{msg} ({kind})" if kind else msg), kwargs


class _DiscreetHandler(web.RequestHandler):
    """aiohttp's protocol, which does not give malformed requests back to whoever sent them."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never became a request; ``message`` would quote it.

        Only our own faults are logged: a stranger could have the others logged without end.
        """
        is_ours = status >= 500 and not isinstance(exc, ConnectionError)  # noqa: PLR2004 - RFC 9110
        if is_ours:
            super().handle_error(request, status, exc, None)
        elif request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        code, text = ("internal", "internal error") if is_ours else ("bad-message", _MALFORMED)
        response = error_response(status, code, text)
        response.headers.update(SECURITY_HEADERS)
        response.force_close()
        return response


def make_runner(
    app: web.Application, *, patience: float, shutdown: float = SHUTDOWN_SECONDS
) -> web.AppRunner:
    """Prepare to serve.

    Args:
        app: What to serve.
        patience: Seconds that a client may take to send a request, the first or the next; one
            that takes longer is dropped.
        shutdown: Seconds that requests being answered may take at the end.
    """
    return web.AppRunner(
        app,
        access_log=None,
        logger=_Discreet(logging.getLogger("aiohttp.server"), {}),
        handler_cancellation=False,
        keepalive_timeout=patience,
        lingering_time=min(patience, LINGER_SECONDS),
        shutdown_timeout=shutdown,
    )


class Site(web.BaseSite):
    """The socket that the application is served on."""

    def __init__(
        self,
        runner: web.AppRunner,
        listener: socket.socket,
        *,
        tls: ssl.SSLContext | None,
        patience: float,
        backlog: int,
    ) -> None:
        """Take what is needed.

        Args:
            runner: What ``make_runner`` gave, set up.
            listener: Bound, and listening.
            tls: What is shown to clients; None is no TLS.
            patience: Seconds that a client may take for the handshake of TLS.
            backlog: Connections that may wait to be accepted.
        """
        super().__init__(runner, ssl_context=tls, backlog=backlog)
        self._listener = listener
        self._patience = None if tls is None else patience

    @property
    def name(self) -> str:
        """What it is called in lists of sites."""
        return str(self._listener.getsockname())

    async def start(self) -> None:
        """Begin to accept."""
        await super().start()
        # Neither aiohttp nor a transport that closes ever gives up what waits for its client.
        limit_unread(self._listener, UNREAD_SECONDS)
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol,
            sock=self._listener,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=self._patience,
        )

    def _protocol(self) -> web.RequestHandler:
        """What speaks HTTP on a new connection."""
        assert self._runner.server is not None
        protocol: web.RequestHandler = self._runner.server()
        protocol.__class__ = _DiscreetHandler  # aiohttp has no other way to say which
        return protocol


def tls_context(cert: str, key: str) -> ssl.SSLContext:
    """What the server shows to clients: TLS 1.2 or newer, and Python's choice of ciphers.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: It holds no certificate, or no key that belongs to it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(cert, key, password="")  # else OpenSSL asks on the terminal, and waits
    return context


def show_instead(context: ssl.SSLContext, renewed: ssl.SSLContext) -> None:
    """Show ``renewed`` to who comes to a server that was started with ``context``.

    To load the new files into ``context`` is not enough: it holds a certificate for each kind of
    key, and after a change of the kind the old one would be shown beside the new, or in its place.
    """

    def choose(connection: ssl.SSLObject, _name: str, _: ssl.SSLContext) -> None:
        connection.context = renewed

    context.sni_callback = choose  # called without a name, too
