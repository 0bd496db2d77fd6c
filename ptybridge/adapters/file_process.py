"""The file process: reads and writes files with the rights of the programs in terminals.

The server never opens a file for a client itself: it may be another user, and sees more than a
confined program does. It starts this module's text as a process within the programs' bounds
(``file_link`` does, and speaks with it), one for each transfer, so it may block, and be killed. All
that it needs is imported before it becomes another user, who may not be able to read it.

Both ways go *messages*: two lengths, a JSON object, bytes. Each request has one reply:
``{"error": WORD, "text": ..., "offset": ...}``, or what the operation gives.

==========  ==========================================  ======================================
operation   takes                                       gives
==========  ==========================================  ======================================
``look``    ``root``, ``path``                          ``path``, ``kind``; of a directory its
                                                        ``entries``; of a file its ``size`` and
                                                        ``modified``: it is open from now on
``read``    ``offset``, ``length``                      the bytes of the open file
``begin``   ``root``, ``directory``, ``name``,          ``path``: a new file is begun, that has
            ``size``, ``overwrite``                     no name yet
``write``   ``offset``, the bytes that follow           ``offset``, where the next ones go
``finish``  ``overwrite``                               ``path``: it has its name now
``drop``                                                what was begun or open is no more
==========  ==========================================  ======================================
"""

import ctypes
import errno
import json
import os
import secrets
import signal
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ptybridge.adapters import confined_process
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.file_tree import Refusal, Tree, check_name, has_openat2, refusal_of

LENGTHS = struct.Struct("!II")
"""Lengths of a message's object and of its bytes."""

MAX_OBJECT = 16 * 1024 * 1024
MAX_BYTES = 1024 * 1024
"""Longest parts of a message; the longest list of a directory is half of that."""

MAX_ENTRIES = 5000
"""Entries of a directory that are told at most."""

_NO_REPLACE = 1

_libc = ctypes.CDLL(None, use_errno=True)


# --- files


def describe(folder: int, name: str) -> os.stat_result | None:
    """What has that name in a directory, links not followed; None if nothing has."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def check_replaceable(present: os.stat_result | None, *, overwrite: bool) -> None:
    """Make sure that a new file may take a name."""
    if present is None:
        return
    if stat.S_ISDIR(present.st_mode):
        raise Refusal("unfit", "a directory has that name")
    if not stat.S_ISREG(present.st_mode) and not stat.S_ISLNK(present.st_mode):
        raise Refusal("unfit", "what has that name is no ordinary file")
    if not overwrite:
        raise Refusal("exists", "a file of that name exists already")


class NewFile:
    """A file that is being written and gets its name when it is whole.

    Until then it has none at all (O_TMPFILE, open(2)): whoever dies leaves nothing. Where the
    filesystem cannot do that, it has a hidden name of its own.
    """

    def __init__(
        self, tree: Tree, directory: str, name: str, *, size: int, overwrite: bool
    ) -> None:
        """Begin it."""
        check_name(name)
        self._directory = directory
        self._name = name
        self._part: str | None = None
        self.offset = 0
        self._folder = tree.open(directory, os.O_PATH | os.O_DIRECTORY)
        try:
            check_replaceable(describe(self._folder, name), overwrite=overwrite)
            room = os.fstatvfs(self._folder)
            if size > room.f_bavail * room.f_frsize:
                raise Refusal("full", os.strerror(errno.ENOSPC))
            self._descriptor = self._make()
        except BaseException:
            os.close(self._folder)
            raise

    @property
    def path(self) -> str:
        """Where it will be."""
        return os.path.join(os.readlink(f"/proc/self/fd/{self._folder}"), self._name)

    def _make(self) -> int:
        flags = os.O_WRONLY | os.O_CLOEXEC
        try:
            return os.open(".", flags | os.O_TMPFILE, 0o666, dir_fd=self._folder)
        except OSError as error:
            # open(2): what kernels and filesystems say that do not know it
            if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}:
                raise
        self._part = self._spare_name()
        flags |= os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        return os.open(self._part, flags, 0o666, dir_fd=self._folder)

    @staticmethod
    def _spare_name() -> str:
        return f".ptybridge-{secrets.token_hex(8)}.part"

    def write(self, data: memoryview) -> None:
        """Append; what does not fit is not counted, and can be tried again."""
        while data:
            written = os.pwrite(self._descriptor, data, self.offset)
            self.offset += written
            data = data[written:]

    def finish(self, tree: Tree, *, overwrite: bool) -> str:
        """Give it its name, on the disk too, and replace what has it only if that is wanted."""
        os.fsync(self._descriptor)
        # Looked up again: who moved the directory elsewhere meanwhile moves no file with it.
        folder = tree.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        try:
            if not os.path.samestat(os.fstat(folder), os.fstat(self._folder)):
                raise Refusal("missing", "the directory is not there any more")
            present = describe(folder, self._name)
            check_replaceable(present, overwrite=overwrite)
            if present is not None and stat.S_ISREG(present.st_mode):
                with suppress(OSError):
                    os.fchmod(self._descriptor, stat.S_IMODE(present.st_mode) & 0o777)
            try:
                self._place(folder, overwrite=overwrite)
            except FileExistsError as error:
                raise Refusal("exists", "a file of that name exists already") from error
            path = self.path
            with suppress(OSError):  # a directory that may be written to, not read
                listing = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
                try:
                    os.fsync(listing)
                finally:
                    os.close(listing)
        finally:
            os.close(folder)
        self._part = None
        self.close()
        return path

    def _place(self, folder: int, *, overwrite: bool) -> None:
        part = self._part
        if part is None:
            part = self._name if not overwrite else self._spare_name()
            source = f"/proc/self/fd/{self._descriptor}"
            os.link(source, part, dst_dir_fd=folder, follow_symlinks=True)  # open(2), O_TMPFILE
            if not overwrite:
                return
            self._part = part
        if overwrite:
            os.replace(part, self._name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            rename_without_replacing(folder, part, self._name)

    def close(self) -> None:
        """Give it up, unless it is finished; nothing of it stays."""
        if self._part is not None:
            with suppress(OSError):
                os.unlink(self._part, dir_fd=self._folder)
        os.close(self._descriptor)
        os.close(self._folder)


def rename_without_replacing(folder: int, old: str, new: str) -> None:
    """Give a file another name, which nothing has (renameat2(2), RENAME_NOREPLACE)."""
    names = (folder, os.fsencode(old), folder, os.fsencode(new))
    if _libc.renameat2(*names, _NO_REPLACE) == 0:
        return
    code = ctypes.get_errno()
    if code not in {errno.EINVAL, errno.ENOSYS}:
        raise OSError(code, os.strerror(code))
    os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(old, dir_fd=folder)


def entries_of(folder: int) -> tuple[list[dict[str, Any]], bool]:
    """What is in a directory, and whether that is all; what vanishes meanwhile is left out."""
    entries: list[dict[str, Any]] = []
    listing = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        with os.scandir(listing) as found:
            for entry in found:
                if len(entries) == MAX_ENTRIES:
                    return entries, False
                with suppress(OSError):
                    entries.append(entry_of(entry))
    finally:
        os.close(listing)
    return entries, True


def entry_of(entry: "os.DirEntry[str]") -> dict[str, Any]:
    """What is told of an entry; links are not followed, for they may lead outside."""
    facts = entry.stat(follow_symlinks=False)
    return {
        "name": entry.name,
        "kind": kind_of(facts.st_mode),
        "size": facts.st_size,
        "modified": facts.st_mtime,
    }


def kind_of(mode: int) -> str:
    """``directory``, ``file``, ``link``, or ``other``, which cannot be transferred."""
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "link"
    return "file" if stat.S_ISREG(mode) else "other"


# --- the process


class Desk:
    """Does what is asked, one thing after the other, and holds at most one file."""

    def __init__(self) -> None:
        """Look what the kernel can do."""
        self._by_kernel = has_openat2()
        self._root = "/"
        self._new: NewFile | None = None
        self._open: int | None = None

    def _tree(self) -> Tree:
        return Tree(self._root, by_kernel=self._by_kernel)

    def look(self, root: str, path: str) -> dict[str, Any]:
        """See what is at a path; a file is open from then on."""
        self.drop()
        self._root = root
        with self._tree() as tree:
            # O_PATH: nothing happens to a device, and no FIFO is waited for.
            found = tree.open(path, os.O_PATH)
        try:
            facts = os.fstat(found)
            kind = kind_of(facts.st_mode)
            told: dict[str, Any] = {"path": os.readlink(f"/proc/self/fd/{found}"), "kind": kind}
            if kind == "directory":
                told["entries"], told["complete"] = entries_of(found)
            elif kind == "file":
                self._open = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
                told |= {"size": facts.st_size, "modified": facts.st_mtime}
            else:
                raise Refusal("unfit", "it is neither a file nor a directory")
        finally:
            os.close(found)
        return told

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of the open file; fewer than ``length`` only at its end."""
        assert self._open is not None
        data = os.pread(self._open, length, offset)
        while data and len(data) < length:
            more = os.pread(self._open, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def begin(
        self, root: str, directory: str, name: str, size: int, overwrite: bool
    ) -> dict[str, Any]:
        """Begin a new file."""
        self.drop()
        self._root = root
        with self._tree() as tree:
            self._new = NewFile(tree, directory, name, size=size, overwrite=overwrite)
        return {"path": self._new.path}

    def write(self, data: memoryview, offset: int) -> dict[str, Any]:
        """Append to the new file, unless what should come before did not."""
        assert self._new is not None
        if offset != self._new.offset:
            raise Refusal("failed", "the bytes before these were not written")
        self._new.write(data)
        return {"offset": self._new.offset}

    def finish(self, overwrite: bool) -> dict[str, Any]:
        """Give the new file its name."""
        assert self._new is not None
        with self._tree() as tree:
            path = self._new.finish(tree, overwrite=overwrite)
        self._new = None
        return {"path": path}

    def drop(self) -> dict[str, Any]:
        """Let go of what is held; nothing of an unfinished file stays."""
        if self._new is not None:
            new, self._new = self._new, None
            new.close()
        if self._open is not None:
            opened, self._open = self._open, None
            os.close(opened)
        return {}

    def answer(self, request: dict[str, Any], data: memoryview) -> tuple[dict[str, Any], bytes]:
        """Do one thing, and say what came of it."""
        operation = request.pop("operation")
        try:
            if operation == "read":
                return {}, self.read(**request)
            if operation == "write":
                return self.write(data, **request), b""
            operations: dict[str, Callable[..., dict[str, Any]]] = {
                "look": self.look,
                "begin": self.begin,
                "finish": self.finish,
                "drop": self.drop,
            }
            return operations[operation](**request), b""
        except (Refusal, OSError) as error:
            refusal = error if isinstance(error, Refusal) else refusal_of(error)
            offset = 0 if self._new is None else self._new.offset
            return {"error": refusal.word, "text": str(refusal), "offset": offset}, b""


def receive(link: socket.socket, buffer: memoryview) -> bool:
    """Fill a buffer; False when the server has hung up or died."""
    while buffer:
        count = link.recv_into(buffer)
        if not count:
            return False
        buffer = buffer[count:]
    return True


def serve(link: socket.socket) -> None:
    """Do what the server asks until it hangs up; then nothing unfinished is left."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # both are told by an error, too
        signal.signal(number, signal.SIG_IGN)
    desk = Desk()
    lengths = memoryview(bytearray(LENGTHS.size))
    room = memoryview(bytearray(MAX_BYTES))
    send(link, {}, b"")
    try:
        while receive(link, lengths):
            of_object, of_bytes = LENGTHS.unpack(lengths)
            text = memoryview(bytearray(of_object))
            data = room[:of_bytes]
            if not (receive(link, text) and receive(link, data)):
                break
            send(link, *desk.answer(json.loads(bytes(text)), data))
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        desk.drop()


def send(link: socket.socket, told: dict[str, Any], data: bytes) -> None:
    """Send one message."""
    text = json.dumps(told).encode("ascii")
    link.sendall(LENGTHS.pack(len(text), len(data)) + text)
    if data:
        link.sendall(data)


def main(confinement: str) -> None:
    """Run as a process within bounds: the link is standard input."""

    def begin() -> None:
        with socket.socket(fileno=0) as link:
            serve(link)

    confined_process.within(Confinement.from_json(confinement), begin)
