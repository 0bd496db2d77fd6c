"""The master side of real pseudo-terminals whose other side the test holds."""

import asyncio
import errno
import os
import select
import termios
import tty
from collections.abc import Iterator
from contextlib import suppress

import pytest

from ptybridge.adapters.pty import FOLLOW_BYTES, PosixPty
from ptybridge.core.errors import LimitReached
from ptybridge.core.values import ExitStatus, WindowSize
from ptybridge.core.viewer import READ_BYTES
from tests.real_pty import PATIENCE, Keeper, turns


class Other:
    """The side of the program: a raw terminal, and a pty that is not made before the loop runs."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.name = os.ttyname(self.slave)
        self.hang_ups = 0
        self._ptys: list[PosixPty] = []

    def pty(self, owner: Keeper, *, input_limit: int = 1 << 20) -> PosixPty:
        pty = PosixPty(
            self.master, pid=1, owner=owner, hang_up=self._hang_up, input_limit=input_limit
        )
        self._ptys.append(pty)
        return pty

    def keeper(self, *, input_limit: int = 1 << 20) -> Keeper:
        keeper = Keeper()
        keeper.start(self.pty(keeper, input_limit=input_limit))
        return keeper

    def _hang_up(self) -> None:
        self.hang_ups += 1

    def prints(self, data: bytes) -> None:
        while data:  # a write ends early where a signal comes
            data = data[os.write(self.slave, data) :]

    async def reads(self, count: int) -> bytes:
        """Read so much, as it comes."""
        os.set_blocking(self.slave, False)
        read = bytearray()
        async with asyncio.timeout(PATIENCE):
            while len(read) < count:
                with suppress(BlockingIOError):
                    read += os.read(self.slave, 65_536)
                await turns(1)
        return bytes(read)

    def hangs_up(self) -> None:
        os.close(self.slave)
        self.slave = -1

    def close(self) -> None:
        if self.slave >= 0:
            os.close(self.slave)
        for pty in self._ptys:
            pty.close()


@pytest.fixture
def other() -> Iterator[Other]:
    other = Other()
    yield other
    other.close()


def is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 5)[0])


async def test_output_fills_the_buffers_in_order(other: Other) -> None:
    pty = other.pty(Keeper())
    other.prints(b"0123456789")
    buffers = [bytearray(4), bytearray(3), bytearray(5)]
    assert pty.read_into([memoryview(buffer) for buffer in buffers]) == 10
    assert buffers == [b"0123", b"456", b"789\0\0"]


async def test_what_does_not_fit_the_buffers_stays(other: Other) -> None:
    pty = other.pty(Keeper())
    other.prints(b"0123456789")
    buffer = bytearray(6)
    assert pty.read_into([memoryview(buffer)]) == 6
    assert pty.read_into([memoryview(buffer)]) == 4
    assert buffer == b"678945"
    assert pty.read_into([memoryview(buffer)]) == 0
    assert not pty.is_eof


async def test_one_read_takes_more_than_the_kernel_gives_at_once(other: Other) -> None:
    """A read of a pseudo-terminal gives at most 4 KiB."""
    pty = other.pty(Keeper())
    other.prints(bytes(range(256)) * 40)
    buffer = bytearray(64 * 1024)
    assert pty.read_into([memoryview(buffer)]) == 10_240
    assert buffer[:10_240] == bytes(range(256)) * 40


async def test_who_reads_much_may_work_on_it_meanwhile(other: Other) -> None:
    pty = other.pty(Keeper())
    printed = bytes(range(256)) * 40
    other.prints(printed)
    buffer = bytearray(64 * 1024)
    followed: list[bytes] = []
    total = pty.read_into(
        [memoryview(buffer)], lambda count: followed.append(bytes(buffer[:count]))
    )
    assert total == len(printed)
    (part,) = followed
    assert len(part) >= FOLLOW_BYTES
    assert printed.startswith(part)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "a disk"), BlockingIOError()])
async def test_a_fault_of_who_follows_is_no_end_of_the_terminal(
    other: Other, error: OSError
) -> None:
    def fail(_count: int) -> None:
        raise error

    pty = other.pty(Keeper())
    other.prints(bytes(range(256)) * 40)
    with pytest.raises(type(error)):
        pty.read_into([memoryview(bytearray(64 * 1024))], fail)
    assert not pty.is_eof


async def test_one_read_gives_what_the_kernel_has_in_one_buffer(other: Other) -> None:
    keeper = other.keeper()
    other.prints(bytes(range(256)) * 40)
    buffer = memoryview(bytearray(READ_BYTES + 100))
    count = keeper.pty.read_once(buffer)
    assert READ_BYTES <= count <= len(buffer)
    assert buffer[:count] == (bytes(range(256)) * 40)[:count]
    rest = 10_240 - count
    while rest:
        rest -= keeper.pty.read_once(buffer)
    assert keeper.pty.read_once(buffer) == 0
    assert not keeper.pty.is_eof
    other.hangs_up()
    assert keeper.pty.read_once(buffer) == 0
    assert keeper.pty.is_eof
    keeper.pty.close()
    assert keeper.pty.read_once(buffer) == 0


async def test_reading_is_paused_until_it_is_resumed(other: Other) -> None:
    keeper = Keeper()
    pty = other.pty(keeper)
    other.prints(b"x")
    assert is_readable(other.master)
    await turns()
    assert keeper.readable_calls == 0
    keeper.start(pty)
    await keeper.until(lambda: keeper.data == b"x")


async def test_pausing_and_resuming_may_be_repeated(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.pause_reading()
    keeper.pty.pause_reading()
    other.prints(b"x")
    assert is_readable(other.master)
    await turns()
    assert keeper.readable_calls == 0
    keeper.pty.resume_reading()
    keeper.pty.resume_reading()
    await keeper.until(lambda: keeper.data == b"x")


async def test_input_beyond_the_kernels_buffers_arrives_whole_and_in_order(other: Other) -> None:
    keeper = other.keeper()
    paste = os.urandom(500_000)
    keeper.pty.write(paste)
    assert keeper.pty.input_queued == len(paste)
    assert 0 < keeper.pty.input_taken < len(paste)
    keeper.pty.write(memoryview(b"end"))
    assert await other.reads(len(paste) + 3) == paste + b"end"
    assert keeper.pty.input_taken == keeper.pty.input_queued == len(paste) + 3
    assert keeper.taken_calls > 1


async def test_input_that_is_taken_at_once_is_not_reported_again(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.write(b"ls\r")
    assert keeper.pty.input_taken == 3
    await turns()
    assert keeper.taken_calls == 0
    assert os.read(other.slave, 10) == b"ls\r"


async def test_unread_input_is_limited(other: Other) -> None:
    keeper = other.keeper(input_limit=100_000)
    keeper.pty.write(bytes(90_000))
    before = (keeper.pty.input_queued, keeper.pty.input_taken)
    room = 100_000 - (before[0] - before[1])
    with pytest.raises(LimitReached, match="100000"):
        keeper.pty.write(bytes(room + 1))
    assert (keeper.pty.input_queued, keeper.pty.input_taken) == before
    keeper.pty.write(bytes(room))
    with pytest.raises(LimitReached):
        keeper.pty.write(b"x")


async def test_queued_input_can_be_taken_back(other: Other) -> None:
    pty = other.keeper().pty
    first = b"a" * 100_000
    pty.write(first)
    start = pty.input_queued
    pty.write(b"b" * 1000)
    end = pty.input_queued
    pty.write(b"c" * 10)
    assert pty.drop_input(start, end) == 1000
    assert pty.drop_input(0, pty.input_taken) == 0
    assert pty.input_queued == 100_010
    assert await other.reads(100_010) == first + b"c" * 10
    assert pty.drop_input(0, pty.input_queued) == 0
    pty.write(first)
    assert pty.drop_input(0, pty.input_queued) > 0
    assert pty.input_queued == pty.input_taken


async def test_input_to_a_program_that_has_ended_counts_as_taken(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.write(bytes(500_000))
    assert keeper.pty.input_taken < 500_000
    keeper.pty.end(ExitStatus(code=0))
    assert keeper.pty.input_taken == keeper.pty.input_queued == 500_000
    keeper.pty.write(bytes(2 << 20))
    assert keeper.pty.input_taken == keeper.pty.input_queued == 500_000 + (2 << 20)


async def test_input_to_a_terminal_that_nobody_holds_open_does_not_fail(other: Other) -> None:
    keeper = other.keeper()
    other.hangs_up()
    keeper.pty.write(b"x")
    assert keeper.pty.input_taken == keeper.pty.input_queued == 1


async def test_the_last_output_can_be_read_after_the_end(other: Other) -> None:
    keeper = other.keeper()
    other.prints(b"x" * 1_500)  # what a busy kernel takes at once, whatever it holds
    other.hangs_up()
    keeper.pty.end(ExitStatus(code=3))
    assert len(keeper.data) == 1_500
    assert keeper.status == ExitStatus(code=3)
    assert keeper.pty.is_eof


async def test_a_terminal_that_nobody_holds_open_does_not_keep_the_loop_busy(other: Other) -> None:
    keeper = other.keeper()
    other.prints(b"bye")
    other.hangs_up()
    await keeper.until(lambda: keeper.pty.is_eof)
    calls = keeper.readable_calls
    await turns(20)
    assert keeper.readable_calls == calls
    assert keeper.data == b"bye"


async def test_a_terminal_that_is_opened_again_is_read_again(other: Other) -> None:
    keeper = other.keeper()
    other.hangs_up()
    await keeper.until(lambda: keeper.pty.is_eof)
    other.slave = os.open(other.name, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(other.slave)
    other.prints(b"back")
    await keeper.until(lambda: keeper.data == b"back")
    assert not keeper.pty.is_eof


async def test_resizing_sets_the_terminals_size(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.resize(WindowSize(rows=50, cols=132))
    assert termios.tcgetwinsize(other.slave) == (50, 132)


async def test_a_hang_up_is_asked_for_once(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.hang_up()
    keeper.pty.hang_up()
    assert other.hang_ups == 1


async def test_a_program_that_has_ended_is_not_hung_up(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.end(ExitStatus(code=0))
    keeper.pty.hang_up()
    assert other.hang_ups == 0


async def test_a_closed_terminal_has_no_descriptor_and_does_nothing(other: Other) -> None:
    keeper = other.keeper()
    keeper.pty.write(bytes(500_000))
    keeper.pty.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(other.master)
    keeper.pty.close()
    keeper.pty.write(b"x")
    keeper.pty.resize(WindowSize(rows=1, cols=1))
    keeper.pty.resume_reading()
    assert keeper.read() == 0
    assert keeper.pty.input_taken == keeper.pty.input_queued == 500_001
    await turns()
    assert keeper.readable_calls == 0
