"""Files: how fast a large one goes up and down beside a terminal, and with how much memory."""

import http.client
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import processes
from bench.bridge import Bridge
from bench.figures import Row, Target
from bench.flood import MEGABYTE, memory_directory
from bench.subjects import Subject, Unmeasured, limit_to

FLOOR = "bare copy"
"""Name of the same bytes through a socket by a process that does nothing else."""

PIECE = 256 * 1024
"""Bytes that are moved at once, by the client and by the floor."""

SAMPLE_SECONDS = 0.02
"""Between two looks at a process's memory."""

ROUND_LIMIT = 60.0
"""Seconds that one round may take."""


class Files:
    """A file goes up and comes down, by ptybridge and by a bare process, by turns."""

    name = "files"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Three rows: up, down, and how much the server's memory grew meanwhile."""
        bridge = next((subject for subject in subjects if isinstance(subject, Bridge)), None)
        if bridge is None:
            return []
        rounds, size = (1, 64 << 20) if quick else (3, 256 << 20)
        found: dict[str, dict[str, list[float]]] = {Bridge.name: {}, FLOOR: {}}
        with (
            tempfile.TemporaryDirectory(dir=memory_directory()) as directory,
            bridge.open("cat") as terminal,
        ):
            path = Path(directory) / "file"
            for _ in range(rounds):
                with limit_to(ROUND_LIMIT, "files, ptybridge"), growing(bridge.pids[0]) as growth:
                    up = _timed(lambda: upload(bridge, terminal.id, path, size))
                    down = _timed(lambda: download(bridge, terminal.id, path, size))
                _keep(found[Bridge.name], up=size / up, down=size / down, grown=max(growth))
                with limit_to(ROUND_LIMIT, "files, the floor"):
                    up = _timed(lambda: bare_upload(path, size))
                    down = _timed(lambda: bare_download(path, size))
                _keep(found[FLOOR], up=size / up, down=size / down)
                path.unlink()
        return [
            _row("file, up", "MB/s", "up", found, Target(0.25, FLOOR, at_least=True)),
            _row("file, down", "MB/s", "down", found, Target(0.25, FLOOR, at_least=True)),
            _row("memory while a file moves", "MB", "grown", found, Target(16)),
        ]


@contextmanager
def growing(pid: int) -> Iterator[list[int]]:
    """How many bytes more than at first a process has in memory, looked at all the time."""
    before = processes.resident_bytes(pid)
    seen = [0]
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            seen.append(processes.resident_bytes(pid) - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _keep(values: dict[str, list[float]], **measured: float) -> None:
    for name, value in measured.items():
        values.setdefault(name, []).append(value / MEGABYTE)


def _row(
    name: str, unit: str, what: str, found: dict[str, dict[str, list[float]]], *targets: Target
) -> Row:
    rounds = {who: values[what] for who, values in found.items() if what in values}
    return Row(name, unit, rounds, targets)


def upload(bridge: Bridge, terminal: str, path: Path, size: int) -> None:
    """Upload a file of zeros, as one piece."""
    connection = http.client.HTTPConnection("127.0.0.1", bridge.port)
    headers = {"Authorization": f"Bearer {bridge.token}"}
    new = {"name": path.name, "size": size, "directory": str(path.parent), "overwrite": True}
    typed = {**headers, "Content-Type": "application/json"}
    connection.request("POST", f"/api/terminals/{terminal}/files", json.dumps(new), typed)
    begun = _answer(connection, 201)["upload"]
    connection.putrequest("PATCH", f"/api/uploads/{begun['id']}")
    typed = {**headers, "Content-Type": "application/octet-stream"}
    for name, value in {**typed, "Content-Length": str(size), "Upload-Offset": "0"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    piece = bytes(PIECE)
    for _ in range(size // PIECE):
        connection.sock.sendall(piece)
    if not _answer(connection, 200)["upload"]["complete"] or path.stat().st_size != size:
        raise Unmeasured("ptybridge: the upload is not whole")
    connection.close()


def _answer(connection: http.client.HTTPConnection, status: int) -> dict[str, dict[str, str]]:
    response = connection.getresponse()
    text = response.read()
    if response.status != status:
        raise Unmeasured(f"ptybridge: {response.status} {text[:200].decode(errors='replace')}")
    answer: dict[str, dict[str, str]] = json.loads(text)
    return answer


def download(bridge: Bridge, terminal: str, path: Path, size: int) -> None:
    """Download it, and drop it."""
    connection = http.client.HTTPConnection("127.0.0.1", bridge.port)
    headers = {"Authorization": f"Bearer {bridge.token}"}
    connection.request("GET", f"/api/terminals/{terminal}/files?path={path}", headers=headers)
    response = connection.getresponse()
    room = memoryview(bytearray(PIECE))
    received = 0
    while count := response.readinto(room):
        received += count
    if received != size:
        raise Unmeasured("ptybridge: the download is not whole")
    connection.close()


def bare_upload(path: Path, size: int) -> None:
    """Send as many zeros to a process that writes them down."""
    ours, theirs = _connected()
    child = os.fork()
    if child == 0:
        ours.close()
        _receive_into(path, theirs)
        os._exit(0)
    theirs.close()
    piece = bytes(PIECE)
    for _ in range(size // PIECE):
        ours.sendall(piece)
    ours.close()
    os.waitpid(child, 0)


def _receive_into(path: Path, link: socket.socket) -> None:
    room = memoryview(bytearray(PIECE))
    with path.open("wb", buffering=0) as file:
        while count := link.recv_into(room):
            file.write(room[:count])


def bare_download(path: Path, size: int) -> None:
    """Have a process read the file and send it."""
    ours, theirs = _connected()
    child = os.fork()
    if child == 0:
        ours.close()
        _send_from(path, theirs)
        os._exit(0)
    theirs.close()
    room = memoryview(bytearray(PIECE))
    received = 0
    while count := ours.recv_into(room):
        received += count
    ours.close()
    os.waitpid(child, 0)
    if received != size:
        raise Unmeasured("the floor's download is not whole")


def _send_from(path: Path, link: socket.socket) -> None:
    room = memoryview(bytearray(PIECE))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(room):
            link.sendall(room[:count])


def _connected() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return ours, theirs
