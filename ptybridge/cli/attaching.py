"""``ptybridge attach``: a terminal of the server in this terminal."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from ptybridge.cli.connecting import FAILED, OK, connected, shell_code
from ptybridge.cli.remote import RemoteError, session_of
from ptybridge.client import (
    Client,
    ClientError,
    ConnectionEnded,
    InputInDoubt,
    Output,
    RequestFailed,
    Snapshot,
    State,
    View,
)
from ptybridge.client.queries import QueryFilter
from ptybridge.wire import messages

ESCAPE = ord("~")
HELP = b"\r\n[~. detaches, ~~ types one ~, ~? shows this]\r\n"

RESET = b"\x18\x1b[?1049l\x1b[!p\x1b[?69l\x1b[r\x1b[H\x1b[2J"
"""CAN; main screen, DECSTR, no margins, an empty screen. Not RIS: the scrollback is the user's."""

LEAVE = (
    b"\x18\x1b[?1049l\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016l\x1b[?2004l\x1b[?25h"
    b"\x1b[?5;2026;2031;2048l\x1b[4;20l\x1b]8;;\x1b\\"
    b"\x1b[?1l\x1b>\x1b[<u\x1b[>4m\x1b[0 q\x1b[m\x1b(B\x0f\r\n"
)
"""What programs turn on and may leave on: other screen, mouse, focus, paste, reverse colours, held
output, reports of colours and sizes, an open link, keys (modifyOtherKeys, too), cursor.
"""


ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""Signals that leave the terminal as it was. Its own keys send none of them while it is raw."""


class EscapeReader:
    r"""Keys to what is typed, and the words of the user to us: ``~`` at the start of a line.

    As ssh(1) has it under "ESCAPE CHARACTERS".

    >>> keys = EscapeReader()
    >>> keys.feed(b"ls\r~.")
    (b'ls\r', '.')
    """

    def __init__(self) -> None:
        self._is_at_start = True
        self._is_pending = False

    def feed(self, data: bytes) -> tuple[bytes, str]:
        """What is to be typed, and what was asked for behind it: ``.``, ``?`` or nothing.

        What comes behind a ``~.`` is dropped.
        """
        typed = bytearray()
        for byte in data:
            if self._is_pending:
                self._is_pending = False
                if byte == ord("."):
                    return bytes(typed), "."
                if byte == ord("?"):
                    return bytes(typed), "?"
                typed += b"~" if byte == ESCAPE else bytes((ESCAPE, byte))
                self._is_at_start = byte in b"\r\n"
            elif byte == ESCAPE and self._is_at_start:
                self._is_pending = True
                self._is_at_start = False
            else:
                typed.append(byte)
                self._is_at_start = byte in b"\r\n"
        return bytes(typed), ""


class RawTerminal:
    """The user's own terminal, raw inside of ``with``, and as it was behind it, always."""

    def __init__(self, keys: int, screen: int) -> None:
        """``keys`` and ``screen`` are its descriptors for reading and writing."""
        self.keys = keys
        self.screen = screen
        self._saved = termios.tcgetattr(keys)

    def __enter__(self) -> Self:
        tty.setraw(self.keys)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Each in its turn: where the terminal has gone, nothing is left to restore (EIO).
        with contextlib.suppress(OSError):
            self.write(LEAVE)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.keys, termios.TCSADRAIN, self._saved)

    def write(self, data: bytes) -> None:
        """Show bytes; waits until the terminal has taken them."""
        while data:
            data = data[os.write(self.screen, data) :]

    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        size = os.get_terminal_size(self.screen)
        return max(1, size.lines), max(1, size.columns)


async def attach(arguments: argparse.Namespace) -> int:
    """Show a terminal here; the exit code.

    Raises:
        RemoteError: There is no such terminal, or none here to show it in.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RemoteError("attach needs a terminal; use run or screen in scripts")
    terminal = RawTerminal(sys.stdin.fileno(), sys.stdout.fileno())
    session = await asyncio.to_thread(session_of, arguments)
    attachment: Attachment | None = None

    def on_state(state: State) -> None:
        if attachment is not None:
            attachment.link_changed(state)

    async with connected(arguments, session=session, on_state=on_state) as client:
        rows, cols = terminal.size()
        role = "watcher" if arguments.watch else None
        view = await client.attach(arguments.id, rows=rows, cols=cols, role=role)  # type: ignore[arg-type]  # of two literals
        attachment = Attachment(client, view, terminal)
        try:
            # The signals first, and to the last: none may end us while the terminal is raw.
            with attachment.signals(), terminal:
                end = await attachment.run()
        finally:
            view.detach()
    with contextlib.suppress(OSError):
        print(f"[{end.text}]", file=sys.stderr)
    return end.code


class End:
    """Why an attachment is over, and the exit code."""

    def __init__(self, text: str, code: int) -> None:
        self.text = text
        self.code = code


class Attachment:
    """A view and the user's terminal, joined."""

    def __init__(self, client: Client, view: View, terminal: RawTerminal) -> None:
        self._client = client
        self._view = view
        view.on_refused = self._on_refused
        self._terminal = terminal
        self._escape = EscapeReader()
        self._filter = QueryFilter()
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        self._over: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._was_cut = False

    async def run(self) -> End:
        """Join them until the user detaches, or the terminal or the connection ends."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._terminal.keys, self._on_keys)
        tasks = [asyncio.create_task(self._show()), asyncio.create_task(self._type())]
        for task in tasks:
            task.add_done_callback(self._on_task_done)
        try:
            return await self._over
        finally:
            loop.remove_reader(self._terminal.keys)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        """A fault of ours ends it: nobody is to sit before a screen that shows nothing more."""
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not self._over.done():
            self._over.set_exception(fault)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Take changes of size, and let what would end this process end the attachment."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._on_resize)
        for number in ENDING:
            loop.add_signal_handler(number, self._end, End("detached", shell_code(None, number)))
        try:
            yield
        finally:
            for number in (signal.SIGWINCH, *ENDING):
                loop.remove_signal_handler(number)

    def _end(self, end: End) -> None:
        if not self._over.done():
            self._over.set_result(end)

    # --- from the user

    def _on_keys(self) -> None:
        try:
            data = os.read(self._terminal.keys, 65_536)
        except OSError:  # the terminal is gone (EIO)
            data = b""
        if not data:
            self._end(End("the terminal has gone", FAILED))
            return
        typed, asked = self._escape.feed(data)
        if typed and self._view.is_live:
            self._typed.put_nowait(typed)
        elif typed:
            self._terminal.write(b"\a")  # there is no link: it would be typed blindly, later
        if asked == ".":
            self._end(End("detached", OK))
        elif asked == "?":
            self._terminal.write(HELP)

    async def _type(self) -> None:
        while True:
            data = await self._typed.get()
            try:
                await self._view.write(data)
            except InputInDoubt as doubt:
                self._say(str(doubt))
            except ClientError:
                return  # what shows says why

    def _on_refused(self, error: ClientError) -> None:
        """What was typed is nobody's: this one may not, or not now."""
        self._terminal.write(b"\a")
        if not isinstance(error, RequestFailed) or error.code not in {"denied", "conflict"}:
            self._say(str(error))

    def _on_resize(self) -> None:
        with contextlib.suppress(OSError):
            self._view.resize(*self._terminal.size())

    # --- from the server

    async def _show(self) -> None:
        write = self._terminal.write
        try:
            async for item in self._view:
                match item:
                    case messages.Attached():
                        self._filter = QueryFilter()
                        write(RESET)
                    case Snapshot(data=data):
                        self._filter = QueryFilter()
                        # It may end in the middle of a query.
                        write(RESET + self._filter.feed(data))
                    case Output(data=data):
                        write(self._filter.feed(data))
                    case messages.Exited(code=code, signal=number):
                        write(self._filter.flush())
                        how = f"exit code {code}" if number is None else f"signal {number}"
                        self._end(End(f"the terminal has ended: {how}", shell_code(code, number)))
                        return
                    case _:
                        pass
        except ConnectionEnded as ended:
            self._end(End(str(ended), FAILED))
        except (ClientError, OSError) as error:
            self._end(End(str(error), FAILED))

    def link_changed(self, state: State) -> None:
        """Say that the link is gone; when it is back, show the whole screen again."""
        if state.name == "waiting":
            self._was_cut = True
            self._say(f"{state.reason}; trying again in {state.delay:.0f} s, ~. detaches")
        elif state.name == "connected" and self._was_cut:
            self._was_cut = False
            self._view.start_over()

    def _say(self, text: str) -> None:
        self._terminal.write(f"\r\n\x1b[7m[{text}]\x1b[27m\r\n".encode())
