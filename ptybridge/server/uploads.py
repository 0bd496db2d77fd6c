"""Uploads that are under way: each a file that grows by pieces, and waits for the next one.

The way of tus (tus.io, resumable upload protocol 1.0): it is begun, asked how far it is, and goes
on from there, after any number of cuts.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import streams

from ptybridge.core.errors import BadRequest, NotFound, RequestError
from ptybridge.core.files import CHUNK_BYTES, NewFile
from ptybridge.core.identity import Identity
from ptybridge.core.values import SessionId, TerminalId

KEEP_SECONDS = 600.0
"""How long an upload waits for its next piece before it is given up."""

MAX_COMPLETE = 500
"""Complete uploads that are remembered."""

STALL_SECONDS = 60.0
"""How long a client may send nothing in the middle of a piece."""


class Upload:
    """One upload.

    Attributes:
        id: Its name, which nobody can guess.
        identity: Who began it.
        session: The session of its terminal.
        terminal: The terminal in whose directory it will be.
        name: The file's name.
        size: How many bytes it will have.
        file: What has come of it.
        overwrite: Whether it may replace what has the name.
        touched_at: When it was heard of last (clock time).
        is_complete: The file has its name.
        is_over: It was given up.
    """

    def __init__(
        self,
        file: NewFile,
        *,
        identity: Identity,
        session: SessionId,
        terminal: TerminalId,
        name: str,
        size: int,
        overwrite: bool,
        time: Callable[[], float],
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.identity = identity
        self.session = session
        self.terminal = terminal
        self.name = name
        self.size = size
        self.file = file
        self.overwrite = overwrite
        self.touched_at = time()
        self._time = time
        self.is_complete = False
        self.is_over = False
        self._turn = asyncio.Lock()
        self._source: streams.StreamReader | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether nothing comes now."""
        return not self._turn.locked()

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self.file.offset == self.size

    async def finish(self, *, overwrite: bool) -> None:
        """Give the file its name; only in one's turn, when it is whole. Idempotent.

        Raises:
            AlreadyExists: Something has that name, and may stay.
            RequestError: It cannot be done.
        """
        if not self.is_complete:
            await self.file.finish(overwrite=overwrite)
            self.is_complete = True

    @asynccontextmanager
    async def turn(self, source: streams.StreamReader | None = None) -> AsyncIterator[None]:
        """Have the upload for oneself; who comes later ends the turn of who came before.

        A connection that was cut may look alive to the server for long after its client is back.

        Raises:
            NotFound: It is over meanwhile.
        """
        if self._source is not None:
            self._source.set_exception(ConnectionResetError("the upload goes on elsewhere"))
        async with self._turn:
            if self.is_over:
                raise _no_such_upload()
            self._source = source
            self.touched_at = self._time()
            try:
                yield
            finally:
                self._source = None
                self.touched_at = self._time()

    async def take(self, source: streams.StreamReader) -> None:
        """Write what comes, until the piece or the file ends; only in one's turn.

        Raises:
            BadRequest: More comes than was said.
            ConnectionError: The client has gone, or sends nothing.
            RequestError: It cannot be written.
        """
        try:
            await self._take(source)
        except Exception:
            with suppress(RequestError):  # the first one counts
                await self.file.flush()
            raise
        await self.file.flush()

    async def _take(self, source: streams.StreamReader) -> None:
        """Write what comes; some of it may be on its way when this ends."""
        rest = self.size - self.file.offset
        while True:
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    data = memoryview(await source.readany())
            except TimeoutError as error:
                raise ConnectionResetError("nothing came for too long") from error
            if not data:
                return
            rest -= len(data)
            if rest < 0:
                raise BadRequest(f"there is more than the {self.size} bytes that were to come")
            for start in range(0, len(data), CHUNK_BYTES):
                await self.file.write(data[start : start + CHUNK_BYTES])


def _no_such_upload() -> NotFound:
    return NotFound("upload", "(it was given up, or never was)")


class Uploads:
    """All uploads that are under way."""

    def __init__(self, *, time: Callable[[], float]) -> None:
        self._uploads: dict[str, Upload] = {}
        self._time = time

    def add(self, upload: Upload) -> None:
        """Take one in. Those that are complete are remembered for who missed the answer."""
        self._uploads[upload.id] = upload
        complete = [upload for upload in self._uploads.values() if upload.is_complete]
        for oldest in complete[:-MAX_COMPLETE]:
            self.give_up(oldest)

    def find(self, upload_id: str, identity: Identity) -> Upload:
        """Somebody's upload; another's is as if it did not exist.

        Raises:
            NotFound: There is none: it was given up, or is finished for long.
        """
        upload = self._uploads.get(upload_id)
        if upload is None or upload.identity.id != identity.id:
            raise _no_such_upload()
        return upload

    def give_up(self, upload: Upload) -> None:
        """Drop one with all that came of it, unless it is complete. Idempotent."""
        self._uploads.pop(upload.id, None)
        if not upload.is_over:
            upload.is_over = True
            upload.file.close()

    def give_up_oldest(self, account: str) -> bool:
        """Drop the upload of an account that waits longest; whether there was one."""
        waiting = [
            upload
            for upload in self._uploads.values()
            if upload.is_waiting and not upload.is_complete and upload.identity.account == account
        ]
        if waiting:
            self.give_up(min(waiting, key=lambda upload: upload.touched_at))
        return bool(waiting)

    def sweep(self, may_go_on: Callable[[Identity, SessionId], bool]) -> None:
        """Drop what waits for too long, and what its owner may not go on with."""
        deadline = self._time() - KEEP_SECONDS
        for upload in tuple(self._uploads.values()):
            is_late = upload.is_waiting and upload.touched_at < deadline
            if is_late or not may_go_on(upload.identity, upload.session):
                self.give_up(upload)

    def close(self) -> None:
        """Drop all."""
        for upload in tuple(self._uploads.values()):
            self.give_up(upload)
