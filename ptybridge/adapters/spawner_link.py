"""What the server and its spawner process say to each other: lists in JSON, each with its length.

Up:   ``["spawn", key, argv, env, cwd, rows, cols]``   ``["hang up", key]``
Down: ``["started", key, pid]`` with the master's descriptor   ``["refused", key, reason]``
      ``["exited", key, code]``, where a negative code is a signal's number

A *key* is the server's number of a launch and is never used again. The stream keeps its order, so
that ``started`` comes before ``exited``. Both ends are the same program on the same machine and
trust each other; the spawner process imports this module, hence its few imports.
"""

import json
import struct
from collections.abc import Iterator

_LENGTH = struct.Struct("!I")

Item = str | int | float | None | list[str] | dict[str, str]
Message = list[Item]


def pack(*message: Item) -> bytes:
    r"""Write one message; lone surrogates (undecodable bytes, PEP 383) come through.

    >>> pack("hang up", 7)
    b'\x00\x00\x00\x0e["hang up", 7]'
    """
    text = json.dumps(message).encode("ascii")
    return _LENGTH.pack(len(text)) + text


def unpack(received: bytearray) -> Iterator[Message]:
    """Take the whole messages from the front of ``received`` and leave the rest there.

    >>> received = bytearray(pack("hang up", 7) + b"...")
    >>> list(unpack(received)), received
    ([['hang up', 7]], bytearray(b'...'))
    """
    while len(received) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(received)
        end = _LENGTH.size + length
        if len(received) < end:
            return
        message: Message = json.loads(received[_LENGTH.size : end])
        del received[:end]
        yield message
