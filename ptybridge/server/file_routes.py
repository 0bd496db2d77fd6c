"""Files beside a terminal over HTTP: what is there, downloads, and uploads by pieces."""

import asyncio
import platform
from collections.abc import Callable
from typing import Annotated

import msgspec
from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, Denied, LimitReached, TooLarge
from ptybridge.core.files import FileAccess, Folder, NewFile, OpenFile
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.core.registry import Registry
from ptybridge.core.terminal import Terminal
from ptybridge.server import downloads
from ptybridge.server.audited import note
from ptybridge.server.middlewares import (
    IDENTITY,
    STREAMED,
    UNREADABLE,
    authenticated,
    json_response,
)
from ptybridge.server.transfers import NEEDED, Transfers
from ptybridge.server.uploads import Upload, Uploads

MAX_PATH = 4096
"""Characters of a path (PATH_MAX, limits.h(0p))."""

MAX_SIZE = 2**63 - 1

MAX_DATE = 8_640_000_000_000_000
"""Milliseconds from the Unix epoch, in either direction, that every client can make a date of
(ECMA-262, "Time Values and Time Range"); filesystems know years beyond."""

Path = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PATH)]


class NewUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /api/terminals/{id}/files``.

    Attributes:
        name: The file's name.
        size: How many bytes it will have.
        directory: Where it will be, from the terminal's working directory on.
        overwrite: Whether it may replace a file of that name.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_SIZE)]
    directory: Path | None = None
    overwrite: bool = False


class UploadState(msgspec.Struct, frozen=True):
    """An upload as whoever began it sees it; ``path`` is where the file will be, or is."""

    id: str
    name: str
    path: str
    size: int
    offset: int
    complete: bool


class EntryState(msgspec.Struct, frozen=True):
    """Something in a directory; ``modified`` in milliseconds since the Unix epoch."""

    name: str
    kind: str
    size: int
    modified: int


class FolderState(msgspec.Struct, frozen=True, rename="camel"):
    """A directory: its subdirectories first, then the rest, by name."""

    path: str
    entries: list[EntryState]
    complete: bool
    max_bytes: int


def told(text: str) -> str:
    """A path or name as JSON can carry it: a byte that is not UTF-8 is U+FFFD."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def date_of(modified: float) -> int:
    """Seconds since the Unix epoch as clients are told them."""
    return max(-MAX_DATE, min(int(modified * 1000), MAX_DATE))


def folder_state(folder: Folder, *, max_bytes: int) -> FolderState:
    """What is shown of a directory."""
    ordered = sorted(
        folder.entries, key=lambda entry: (entry.kind != "directory", entry.name.casefold())
    )
    entries = [
        EntryState(told(entry.name), entry.kind, entry.size, date_of(entry.modified))
        for entry in ordered
    ]
    return FolderState(told(folder.path), entries, folder.is_complete, max_bytes)


def upload_state(upload: Upload) -> UploadState:
    """What is shown of an upload."""
    return UploadState(
        id=upload.id,
        name=upload.name,
        path=told(upload.file.path),
        size=upload.size,
        offset=upload.file.offset,
        complete=upload.is_complete,
    )


class FileRoutes:
    """The handlers and what they need."""

    def __init__(
        self,
        files: FileAccess | None,
        *,
        max_bytes: int,
        registry: Registry,
        authenticator: Authenticator,
        access: Access,
        directory_of: Callable[[int], str | None],
        home: str,
        base: str,
    ) -> None:
        """Take what the handlers need.

        Args:
            files: Reaches them; None where nobody may.
            max_bytes: The longest file that can be uploaded.
            registry: Knows the terminals.
            authenticator: Knows who is asking.
            access: Decides whether they may.
            directory_of: The working directory of a program's terminal, by its process id.
            home: Where programs begin.
            base: The path below which all routes lie: empty, or beginning with a slash.
        """
        self._files = files
        self._max_bytes = max_bytes
        self._registry = registry
        self._authenticator = authenticator
        self._access = access
        self._directory_of = directory_of
        self._home = home
        self._base = f"{base}/api"
        self._transfers = Transfers(authenticator=authenticator, access=access)
        self._uploads = Uploads(time=asyncio.get_running_loop().time)

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        files, upload = f"{self._base}/terminals/{{id}}/files", f"{self._base}/uploads/{{upload}}"
        for method, path, handler in (
            ("GET", files, self.look),
            ("HEAD", files, self.look),
            ("POST", files, self.begin),
            ("GET", upload, self.state),
            ("PATCH", upload, self.go_on),
            ("DELETE", upload, self.give_up),
        ):
            name = STREAMED if method == "PATCH" else None
            app.router.add_route(
                method, path, authenticated(self._authenticator, handler), name=name
            )

    def sweep(self) -> None:
        """Cut off whoever may not go on, and drop what nobody goes on with."""
        self._transfers.sweep()
        self._uploads.sweep(self._transfers.may_go_on)

    async def close(self) -> None:
        """Drop all that is unfinished."""
        self._uploads.close()

    def _terminal(self, request: web.Request) -> Terminal:
        """The terminal in the path, beside which whoever asks may move files."""
        terminal = self._registry.terminal(request.match_info["id"])
        self._access.require_terminal(request[IDENTITY], terminal, NEEDED)
        return terminal

    def _access_to_files(self) -> FileAccess:
        if self._files is None:
            raise Denied("files cannot be moved here (files.enabled)")
        return self._files

    def _place(self, terminal: Terminal, path: str | None) -> str:
        """An absolute path, from the terminal's working directory on.

        The kernel's word counts before the output's, which any file that is printed can forge.
        """
        if path is not None and path.startswith("/"):
            return path
        directory = None
        if terminal.pty is not None and terminal.status is None:
            directory = self._directory_of(terminal.pty.pid)
        said = terminal.description.directory
        if directory is None and said and said.host in {"", "localhost", platform.node()}:
            directory = said.path
        if directory is None or not directory.startswith("/"):
            directory = self._home
        return directory if not path else f"{directory.rstrip('/')}/{path}"

    async def look(self, request: web.Request) -> web.StreamResponse:
        """A directory's list, or a file: ``?path=``, from the terminal's directory on."""
        terminal, identity = self._terminal(request), request[IDENTITY]
        path = request.query.get("path")
        if path is not None and len(path) > MAX_PATH:
            raise BadRequest(f"path: at most {MAX_PATH} characters")
        place = self._place(terminal, path)
        found = await self._access_to_files().look(place, owner=identity.account)
        if isinstance(found, Folder):
            return json_response(folder_state(found, max_bytes=self._max_bytes))
        try:
            return await self._send(request, found, terminal)
        finally:
            await found.close()

    async def _send(
        self, request: web.Request, file: OpenFile, terminal: Terminal
    ) -> web.StreamResponse:
        identity = request[IDENTITY]
        if request.method == "GET":
            self._note(request, "file.download", terminal.session_id, terminal.id, file.path)
        with self._transfers.carrying(request, identity, terminal.session_id):
            return await downloads.send(request, file)

    @staticmethod
    def _note(request: web.Request, event: str, session: str, terminal: str, path: str) -> None:
        identity = request[IDENTITY]
        note(request, event, identity, session=session, terminal=terminal, path=told(path))

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Begin an upload: it is told where to go on, from 0."""
        terminal, identity = self._terminal(request), request[IDENTITY]
        try:
            new = msgspec.json.decode(await request.read(), type=NewUpload)
        except UNREADABLE as error:
            raise BadRequest("the body must have name and size, and may have directory and "
                             "overwrite") from error  # fmt: skip
        if new.size > self._max_bytes:
            raise TooLarge("bytes of a file (files.maxBytes)", self._max_bytes)
        upload = Upload(
            await self._begun(new, self._place(terminal, new.directory), identity),
            identity=identity,
            session=terminal.session_id,
            terminal=terminal.id,
            name=new.name,
            size=new.size,
            overwrite=new.overwrite,
            time=asyncio.get_running_loop().time,
        )
        self._uploads.add(upload)
        response = json_response({"upload": upload_state(upload)}, status=201)
        response.headers["Location"] = f"{self._base}/uploads/{upload.id}"
        return response

    async def _begun(self, new: NewUpload, directory: str, identity: Identity) -> NewFile:
        """Begin a file; uploads that wait for somebody who does not come give way."""
        files = self._access_to_files()
        while True:
            try:
                return await files.begin(
                    directory,
                    new.name,
                    size=new.size,
                    overwrite=new.overwrite,
                    owner=identity.account,
                )
            except LimitReached as error:
                if isinstance(error, TooLarge) or not self._uploads.give_up_oldest(
                    identity.account
                ):
                    raise

    def _upload(self, request: web.Request) -> Upload:
        """The upload in the path, with which whoever asks may go on."""
        upload = self._uploads.find(request.match_info["upload"], request[IDENTITY])
        self._access.require(request[IDENTITY], upload.session, NEEDED)
        return upload

    async def state(self, request: web.Request) -> web.StreamResponse:
        """How far an upload is; a piece that is still coming ends here, so that it stays true."""
        upload = self._upload(request)
        async with upload.turn():
            return _with_offset(json_response({"upload": upload_state(upload)}), upload)

    async def go_on(self, request: web.Request) -> web.StreamResponse:
        """Take a piece; with the last one the file has its name. An empty one tries that again."""
        upload = self._upload(request)
        offset = request.headers.get("Upload-Offset", "")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 20):  # noqa: PLR2004 - 2**63
            raise BadRequest("Upload-Offset: needed, a number of bytes")
        overwrite = upload.overwrite or request.query.get("overwrite") == "true"
        async with upload.turn(request.content):
            if int(offset) != upload.file.offset:
                raise BadRequest(f"Upload-Offset: {upload.file.offset} bytes have come")
            try:
                with self._transfers.carrying(request, upload.identity, upload.session):
                    await upload.take(request.content)
            except ConnectionError:
                return _cut_off(request)
            if upload.is_whole and not upload.is_complete:
                await upload.finish(overwrite=overwrite)
                path = upload.file.path
                self._note(request, "file.upload", upload.session, upload.terminal, path)
            return _with_offset(json_response({"upload": upload_state(upload)}), upload)

    async def give_up(self, request: web.Request) -> web.StreamResponse:
        """Give an upload up; nothing of it stays."""
        upload = self._upload(request)
        async with upload.turn():
            self._uploads.give_up(upload)
        return web.Response(status=204)


def _cut_off(request: web.Request) -> web.Response:
    """Cut a connection that brings nothing more; what is answered reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=408)


def _with_offset(response: web.Response, upload: Upload) -> web.Response:
    response.headers["Upload-Offset"] = str(upload.file.offset)
    response.headers["Upload-Length"] = str(upload.size)
    return response
