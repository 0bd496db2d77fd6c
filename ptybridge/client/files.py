"""Files to and from where a terminal is: by pieces, going on after every cut."""

import asyncio
import os
import random
import urllib.parse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

import aiohttp

from ptybridge.client.errors import CannotConnect, ClientError, Refused, RequestFailed, Unreachable

PIECE_BYTES = 16 * 1024 * 1024
"""Bytes of one request: what is refused in the middle of one is said only at its end."""

CHUNK_BYTES = 256 * 1024
"""Bytes that are held in memory."""

ATTEMPTS = 5
"""How often in a row to try again without a single byte getting through."""

FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0
"""Seconds before the first new attempt, at most; each doubles, up to the longest."""

SILENCE = 60.0
"""Seconds after which a server that says nothing is taken for gone."""

OnProgress = Callable[[int, int], None]
"""Called with how many bytes are there, and how many there will be."""


class FileChanged(ClientError):
    """A file became another one while it was being moved."""


class Files:
    """The files beside one terminal; make it with ``Files.of``."""

    def __init__(self, http: aiohttp.ClientSession, url: str, terminal: str) -> None:
        """Take a session that says who it is, the server's address, and the terminal's name."""
        self._http = http
        self._api = f"{url.rstrip('/')}/api"
        self._files = f"{self._api}/terminals/{urllib.parse.quote(terminal, safe='')}/files"

    @classmethod
    @asynccontextmanager
    async def of(cls, url: str, terminal: str, *, token: str | None = None) -> AsyncIterator[Self]:
        """Reach the files beside a terminal, until the block ends."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
            yield cls(http, url, terminal)

    async def list(self, path: str | None = None) -> dict[str, Any]:
        """A directory, as docs/operations.md has it; without ``path`` the terminal's own.

        Raises:
            RequestFailed: There is none, or it may not be seen.
            CannotConnect: The server cannot be asked.
        """
        query = {} if path is None else {"path": path}
        return await self._json("GET", self._files, params=query)

    async def upload(
        self,
        source: Path,
        *,
        name: str | None = None,
        directory: str | None = None,
        overwrite: bool = False,
        on_progress: OnProgress = lambda *_: None,
    ) -> str:
        """Upload a file.

        Args:
            source: The file here.
            name: Its name there; None is the same.
            directory: Where it will be, from the terminal's working directory on.
            overwrite: Whether it may replace a file of that name.
            on_progress: Told how far it is.

        Returns:
            Its path there.

        Raises:
            RequestFailed: The server refuses; ``conflict`` says that the name is taken.
            FileChanged: The file became shorter meanwhile.
            CannotConnect: The server is gone for too long.
            OSError: The file cannot be read.
        """
        with source.open("rb") as file:
            size = file.seek(0, 2)
            body = {"name": name or source.name, "size": size, "overwrite": overwrite}
            if directory is not None:
                body["directory"] = directory
            upload = (await self._json("POST", self._files, json=body))["upload"]
            try:
                return await self._send(file, upload, on_progress)
            except BaseException:
                await self._give_up(upload["id"])
                raise

    async def _send(self, file: BinaryIO, upload: dict[str, Any], on_progress: OnProgress) -> str:
        url, size = f"{self._api}/uploads/{upload['id']}", upload["size"]
        patience = _Patience()
        while True:
            offset = upload["offset"]
            on_progress(offset, size)
            length = min(PIECE_BYTES, size - offset)
            if os.fstat(file.fileno()).st_size < size:
                raise FileChanged("the file became shorter while it was being uploaded")
            try:
                upload = (
                    await self._json(
                        "PATCH",
                        url,
                        data=_piece(file, offset, length, lambda at: on_progress(at, size)),
                        headers={
                            "Content-Type": "application/octet-stream",
                            "Content-Length": str(length),
                            "Upload-Offset": str(offset),
                        },
                    )
                )["upload"]
            except Unreachable as error:
                await patience.wait(error, progress=offset)
                upload = await self._state(url, patience, offset)
            if upload["complete"]:
                on_progress(size, size)
                path: str = upload["path"]
                return path

    async def _state(self, url: str, patience: "_Patience", offset: int) -> dict[str, Any]:
        """How far an upload is, once the server answers again."""
        while True:
            try:
                state: dict[str, Any] = (await self._json("GET", url))["upload"]
            except Unreachable as error:
                await patience.wait(error, progress=offset)
            else:
                return state

    async def _give_up(self, upload: str) -> None:
        try:
            async with asyncio.timeout(2), self._http.delete(f"{self._api}/uploads/{upload}"):
                pass
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # the server gives it up by itself

    async def download(
        self, path: str, target: BinaryIO, *, on_progress: OnProgress = lambda *_: None
    ) -> int:
        """Download a file into one that is open for writing; it need not be seekable.

        Args:
            path: Its path, from the terminal's working directory on.
            target: Where its bytes go.
            on_progress: Told how far it is.

        Returns:
            How many bytes it has.

        Raises:
            RequestFailed: The server refuses.
            FileChanged: The file changed meanwhile.
            CannotConnect: The server is gone for too long.
            OSError: The target cannot be written.
        """
        offset, tag = 0, ""
        patience = _Patience()
        while True:
            headers = {"Range": f"bytes={offset}-", "If-Range": tag} if offset else {}
            try:
                async with self._asked(
                    "GET", self._files, params={"path": path}, headers=headers
                ) as r:
                    if r.content_type == "application/json":
                        raise RequestFailed("bad-message", f"{path} is a directory")
                    if offset and r.status != 206:  # noqa: PLR2004 - RFC 9110 section 15.3.7
                        raise FileChanged(f"{path} changed while it was being downloaded")
                    tag = r.headers.get("ETag", "")
                    size = offset + int(r.headers.get("Content-Length", "0"))
                    on_progress(offset, size)
                    async for data in r.content.iter_any():
                        try:
                            target.write(data)
                        except OSError as error:  # a pipe can break, too, and that is no cut
                            failure = error
                            break
                        offset += len(data)
                        on_progress(offset, size)
                    else:
                        return size
            except Unreachable as error:
                await patience.wait(error, progress=offset)
            else:
                raise failure

    async def _json(self, method: str, url: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - aiohttp's
        async with self._asked(method, url, **options) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        url: str,
        **options: Any,  # noqa: ANN401 - aiohttp's
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response that is none of an error.

        Raises:
            Unreachable: There is none, or it breaks off.
            Refused: The server does not know this client.
            RequestFailed: The server refuses.
        """
        try:
            async with self._http.request(method, url, **options) as response:
                if response.status == 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2
                    raise Refused(401, "the server does not know this token")
                if response.status >= 500 and response.status != 507:  # noqa: PLR2004 - section 15.6
                    raise Unreachable(f"the server cannot do it now ({response.status})")
                if response.status >= 400:  # noqa: PLR2004 - section 15.5
                    raise await _failure(response)
                yield response
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"the connection broke ({reason})") from error


async def _failure(response: aiohttp.ClientResponse) -> RequestFailed:
    try:
        error = (await response.json())["error"]
        return RequestFailed(error["code"], error["message"])
    except (aiohttp.ContentTypeError, ValueError, KeyError, TypeError):
        return RequestFailed("internal", f"the server refuses ({response.status})")


async def _piece(
    file: BinaryIO, offset: int, length: int, sent: Callable[[int], None]
) -> AsyncIterator[bytes]:
    """The bytes of a piece, as they are asked for."""
    end = offset + length
    await asyncio.to_thread(file.seek, offset)
    while offset < end:
        data = await asyncio.to_thread(file.read, min(CHUNK_BYTES, end - offset))
        if not data:
            raise FileChanged("the file became shorter in the middle of a piece")
        yield data
        offset += len(data)
        sent(offset)


class _Patience:
    """How long to go on trying: as long as something gets through now and then."""

    def __init__(self) -> None:
        self._failures = 0
        self._progress = -1

    async def wait(self, error: CannotConnect, *, progress: int) -> None:
        """Wait before the next attempt.

        Raises:
            CannotConnect: It was tried often enough.
        """
        if progress > self._progress:
            self._progress, self._failures = progress, 0
        self._failures += 1
        if self._failures > ATTEMPTS:
            raise error
        longest = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self._failures - 1))
        await asyncio.sleep(longest * random.uniform(0.5, 1))  # noqa: S311 - so that not all come at once
