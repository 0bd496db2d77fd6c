"""File processes: files reached with the rights of the programs in terminals.

This is the server's half; ``file_process`` is the other and says why there is one. A process serves
one file at a time; one that has nothing to do is kept for the next, for a while.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import structlog

from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.file_link import Argument, FileProcess, ProcessEnded
from ptybridge.core.errors import (
    AlreadyExists,
    BadRequest,
    Denied,
    LimitReached,
    NoSpace,
    NotFound,
    RequestError,
    TooLarge,
    Unavailable,
)
from ptybridge.core.files import CHUNK_BYTES, Entry, Folder

IDLE_SECONDS = 20.0
"""How long a process is kept that has nothing to do."""

AHEAD = 2
"""Pieces that are on their way to a process at once: one is written while the next one comes."""

log = structlog.get_logger(__name__)


class FileWorkers:
    """`ptybridge.core.files.FileAccess` by processes within the programs' bounds."""

    def __init__(
        self, *, root: str = "/", confinement: Confinement | None = None, limit: int = 16
    ) -> None:
        """Start nothing yet.

        Args:
            root: The directory below which files can be reached.
            confinement: The bounds of programs; None is none.
            limit: Files that are open or begun at once; one identity may have half of them.
        """
        self._root = root
        self._confinement = confinement or Confinement()
        self._limit = limit
        self._share = max(1, limit // 2)
        self._busy: dict[FileProcess, str] = {}
        self._starting: list[str] = []
        self._idle: dict[FileProcess, asyncio.TimerHandle] = {}
        self._ending: set[FileProcess] = set()

    async def __aenter__(self) -> Self:
        """Start nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all processes; what was unfinished is no more."""
        for process in (*self._busy, *self._idle):
            self._let_go(process)
        for process in tuple(self._ending):
            await process.ended

    async def look(self, path: str, *, owner: str) -> "Folder | WorkersFile":
        """See ``core.files.FileAccess.look``."""
        process = await self._process(owner)
        told, _ = await self._asked(process, path, "look", root=self._root, path=path)
        if told["kind"] == "file":
            return WorkersFile(self, process, told)
        self.give_back(process)
        entries = tuple(Entry(**entry) for entry in told["entries"])
        return Folder(told["path"], entries, told["complete"])

    async def begin(
        self, directory: str, name: str, *, size: int, overwrite: bool, owner: str
    ) -> "WorkersNewFile":
        """See ``core.files.FileAccess.begin``."""
        process = await self._process(owner)
        told, _ = await self._asked(
            process,
            os.path.join(directory, name),
            "begin",
            root=self._root,
            directory=directory,
            name=name,
            size=size,
            overwrite=overwrite,
        )
        return WorkersNewFile(self, process, told["path"])

    async def _asked(
        self, process: FileProcess, asked: str, operation: str, **arguments: Argument
    ) -> tuple[dict[str, Any], bytes]:
        """Ask a process that was just taken, and is free again when that fails.

        ``asked`` is what errors call the file.
        """
        try:
            told, data = await process.ask(operation, b"", **arguments)
        except ProcessEnded as error:
            self.put_away(process)
            raise _unavailable(error) from error
        except BaseException:
            self.put_away(process)
            raise
        if "error" in told:
            self.give_back(process)
            raise error_of(told, asked)
        return told, data

    async def _process(self, owner: str) -> FileProcess:
        """A process for one file.

        Raises:
            LimitReached: Too many are in use.
            Unavailable: None can be started.
        """
        in_use = [*self._busy.values(), *self._starting]
        if len(in_use) >= self._limit:
            raise LimitReached("files transferred at once", self._limit)
        if in_use.count(owner) >= self._share:
            raise LimitReached("files transferred at once by one user", self._share)
        while self._idle:
            process, timer = self._idle.popitem()
            timer.cancel()
            if not process.ended.done():
                self._busy[process] = owner
                return process
            self._let_go(process)
        self._starting.append(owner)
        try:
            process = FileProcess(self._confinement)
            try:
                await process.begin()
            except BaseException:
                self._let_go(process)
                raise
        except ProcessEnded as error:
            log.warning("a file process could not be started", reason=str(error))
            raise _unavailable(error) from error
        except OSError as error:
            raise Unavailable(f"files cannot be reached now: {error.strerror}") from error
        finally:
            self._starting.remove(owner)
        self._busy[process] = owner
        return process

    def give_back(self, process: FileProcess) -> None:
        """Keep a process that has nothing to do any more for the next file. Idempotent."""
        if self._busy.pop(process, None) is None:
            return
        if process.is_closed or process.ended.done():
            self._let_go(process)
            return
        loop = asyncio.get_running_loop()
        self._idle[process] = loop.call_later(IDLE_SECONDS, self._retire, process)

    def put_away(self, process: FileProcess) -> None:
        """End a process that may be in the middle of something. Idempotent."""
        if self._busy.pop(process, None) is not None:
            self._let_go(process)

    def _retire(self, process: FileProcess) -> None:
        if self._idle.pop(process, None) is not None:
            self._let_go(process)

    def _let_go(self, process: FileProcess) -> None:
        process.close()
        if process.ended.done():
            process.release()
            return
        self._ending.add(process)
        process.ended.add_done_callback(lambda _: self._ending.discard(process))


class WorkersFile:
    """`ptybridge.core.files.OpenFile` in a process."""

    def __init__(self, workers: FileWorkers, process: FileProcess, told: Mapping[str, Any]) -> None:
        self._workers = workers
        self._process = process
        self._is_asking = False
        self._is_closed = False
        self.path: str = told["path"]
        self.size: int = told["size"]
        self.modified: float = told["modified"]

    async def read(self, offset: int, length: int) -> bytes:
        """See ``core.files.OpenFile.read``."""
        self._is_asking = True
        try:
            told, data = await self._process.ask(
                "read", offset=offset, length=min(length, CHUNK_BYTES)
            )
        except ProcessEnded as error:
            raise _unavailable(error) from error
        self._is_asking = False
        if "error" in told:
            raise error_of(told, self.path)
        return data

    async def close(self) -> None:
        """See ``core.files.OpenFile.close``."""
        if self._is_closed:  # the process may be another file's by now
            return
        self._is_closed = True
        try:
            if not self._is_asking:  # else an answer is on its way that nobody waits for
                with contextlib.suppress(ProcessEnded):
                    await self._process.ask("drop")
                    self._workers.give_back(self._process)
        finally:
            self._workers.put_away(self._process)


class WorkersNewFile:
    """`ptybridge.core.files.NewFile` in a process."""

    def __init__(self, workers: FileWorkers, process: FileProcess, path: str) -> None:
        self._workers = workers
        self._process = process
        self._is_closed = False
        self.path = path
        self.offset = 0
        self._posted = 0
        self._unanswered = 0

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """See ``core.files.NewFile.write``."""
        async with self._in_step():
            await self._process.post("write", data, offset=self._posted)
            self._posted += len(data)
            self._unanswered += 1
            while self._unanswered >= AHEAD:
                await self._settle()

    async def flush(self) -> None:
        """See ``core.files.NewFile.flush``."""
        async with self._in_step():
            while self._unanswered:
                await self._settle()

    async def _settle(self) -> None:
        """Take note of the oldest answer; when it is a refusal, of all, for no more is written."""
        refused: dict[str, Any] | None = None
        while self._unanswered:
            told, _ = await self._process.answer()
            self._unanswered -= 1
            self.offset = told["offset"]
            if "error" in told:
                refused = refused or told
            if refused is None:
                return
        if refused is not None:
            self._posted = self.offset
            raise error_of(refused, self.path)

    async def finish(self, *, overwrite: bool) -> str:
        """See ``core.files.NewFile.finish``."""
        await self.flush()
        async with self._in_step():
            told, _ = await self._process.ask("finish", b"", overwrite=overwrite)
            if "error" in told:
                raise error_of(told, self.path)
        self._is_closed = True
        self._workers.give_back(self._process)
        self.path = told["path"]
        return self.path

    @asynccontextmanager
    async def _in_step(self) -> AsyncIterator[None]:
        """Give the file up when it is not known any more which answer comes next."""
        try:
            yield
        except RequestError:
            raise
        except ProcessEnded as error:
            self.close()
            raise _unavailable(error) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """See ``core.files.NewFile.close``."""
        if not self._is_closed:  # else the process may be another file's by now
            self._is_closed = True
            self._workers.put_away(self._process)


def _unavailable(error: ProcessEnded) -> Unavailable:
    return Unavailable(f"files cannot be reached now: {error}")


def error_of(told: Mapping[str, Any], path: str) -> RequestError:
    """What a process's refusal is for whoever asked."""
    text = f"{shown(path)}: {told['text']}"
    error: RequestError
    match told["error"]:
        case "missing":
            error = NotFound("file or directory", shown(path))
        case "denied" | "outside":
            error = Denied(text)
        case "exists":
            error = AlreadyExists(text)
        case "full":
            error = NoSpace(text)
        case "too-large":
            error = TooLarge("bytes of a file", told.get("offset", 0))
        case "unfit":
            error = BadRequest(text)
        case _:
            error = Unavailable(text)
    return error


def shown(path: str) -> str:
    """A path as it can be told: without what cannot be encoded or would act on a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in path)
