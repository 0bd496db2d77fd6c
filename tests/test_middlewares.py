"""What becomes of what a handler raises."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ptybridge.server.middlewares import errors_as_json


async def gone(request: web.Request) -> web.StreamResponse:
    """Notice in the middle that the client is there no more."""
    assert request.transport is not None
    request.transport.abort()
    raise ConnectionResetError("the client has gone")


async def broken(_: web.Request) -> web.StreamResponse:
    raise ZeroDivisionError


async def test_whoever_has_gone_is_no_fault_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = web.Application(middlewares=[errors_as_json])
    app.router.add_get("/gone", gone)
    app.router.add_get("/broken", broken)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.get(server.make_url("/gone"))
        assert caplog.records == []
        response = await http.get(server.make_url("/broken"))
        assert (response.status, await response.json()) == (
            500,
            {"error": {"code": "internal", "message": "internal error"}},
        )
