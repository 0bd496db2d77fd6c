"""A download that ends early leaves nothing behind that fails later."""

import asyncio
import gc
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from ptybridge.core.errors import Unavailable
from ptybridge.core.files import CHUNK_BYTES
from ptybridge.server import downloads


class Ending:
    """A file of which one piece can be read; whoever waits for the next learns that it is gone.

    So it is where the process that reads has ended just when the read is given up.
    """

    path = "/file"
    size = 2 * CHUNK_BYTES
    modified = 0.0

    def __init__(self) -> None:
        self.is_waited_for = asyncio.Event()

    async def read(self, offset: int, length: int) -> bytes:
        if offset == 0:
            return bytes(length)
        try:
            self.is_waited_for.set()
            await asyncio.Event().wait()
        finally:
            raise Unavailable("it is gone")

    async def close(self) -> None: ...


async def test_a_read_that_fails_as_it_is_given_up_is_taken_note_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = Ending()

    async def write(*_: object) -> None:
        await file.is_waited_for.wait()
        raise ConnectionResetError

    monkeypatch.setattr(web.StreamResponse, "write", write)
    unretrieved: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unretrieved.append(told))
    await downloads.send(make_mocked_request("GET", "/"), file)
    gc.collect()
    assert unretrieved == []
