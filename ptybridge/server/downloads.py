"""A file as an HTTP response: whole or a part (RFC 9110 section 14), to be kept, never shown.

A browser must not take a file for a page of this server: it is an attachment without a type, and
what opens it all the same is in a sandbox.
"""

import asyncio
import re
import time
import urllib.parse
from email.utils import formatdate

from aiohttp import web

from ptybridge.core.errors import RequestError
from ptybridge.core.files import CHUNK_BYTES, OpenFile
from ptybridge.server.unsent import limit_unread_of

STALL_SECONDS = 300.0
"""How long a client may take nothing; it can come back for the rest."""

_UNSAFE = re.compile(r"[^A-Za-z0-9 !#$&+.^_`{}~()\[\],;=@-]")
"""What stands in no quoted file name that every browser reads alike (RFC 6266 appendix D)."""

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))\Z")


def disposition(name: str) -> str:
    """The value of ``Content-Disposition`` for a file of that name (RFC 6266, RFC 8187).

    >>> disposition("plain.txt")
    'attachment; filename="plain.txt"'
    """
    plain = _UNSAFE.sub("_", name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    encoded = urllib.parse.quote(name.encode(errors="replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def part_of(asked: str | None, size: int) -> range | None:
    """The bytes that a ``Range`` header asks for; all where it asks for none that is understood.

    Returns:
        None when the file has none of them (416, RFC 9110 section 15.5.17).

    >>> part_of("bytes=2-4", 10), part_of("bytes=-3", 10), part_of("bytes=10-", 10)
    (range(2, 5), range(7, 10), None)
    """
    match = _RANGE.match(asked or "")
    if match is None:  # section 14.2: what is not understood is ignored
        return range(size)
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
        return range(start, end) if int(suffix) and size else None
    start = int(first)
    if last and int(last) < start:
        return range(size)
    end = min(size, int(last) + 1) if last else size
    return range(start, end) if start < size else None


def tag_of(file: OpenFile) -> str:
    """The file's entity tag, another one when it has changed (RFC 9110 section 8.8.3)."""
    return f'"{file.size:x}-{int(file.modified * 1e6):x}"'


def http_date(modified: float) -> str:
    """When a file was changed last, as HTTP says it: not in the future (section 8.8.2.1).

    Anybody can give a file any date, and filesystems know years that no calendar has.

    >>> http_date(0.0), http_date(-(2.0**62))
    ('Thu, 01 Jan 1970 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT')
    """
    return formatdate(max(0.0, min(modified, time.time())), usegmt=True)


async def send(request: web.Request, file: OpenFile) -> web.StreamResponse:
    """Send a file, as fast as the client takes it, with as much memory as a piece of it.

    When the client goes or takes nothing, or the file becomes shorter, what was sent does not look
    whole.

    Raises:
        RequestError: The file cannot be read; nothing was sent yet.
    """
    tag = tag_of(file)
    # Section 14.2: of other methods, HEAD among them, nobody has said what a part is.
    asked = request.headers.get("Range") if request.method == "GET" else None
    if request.headers.get("If-Range", tag) != tag:  # it has changed: all of it, from the start
        asked = None
    part = part_of(asked, file.size)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition(file.path.rpartition("/")[2]),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Last-Modified": http_date(file.modified),
    }
    if part is None:
        headers["Content-Range"] = f"bytes */{file.size}"
        return web.Response(status=416, headers=headers)
    is_part = _RANGE.match(asked or "") is not None and len(part) < file.size
    if is_part:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
    response.content_length = len(part)
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    first = await file.read(part.start, min(CHUNK_BYTES, len(part))) if part else b""
    limit_unread_of(request.transport, STALL_SECONDS)
    await response.prepare(request)
    try:
        is_whole = await _send_part(response, file, part, first)
    except (ConnectionError, RequestError, TimeoutError):
        is_whole = False
    if not is_whole and request.transport is not None:
        request.transport.abort()
    return response


async def _send_part(
    response: web.StreamResponse, file: OpenFile, part: range, first: bytes
) -> bool:
    """Send a part, of which the ``first`` bytes were read; whether all of it was there."""
    offset, data = part.start, first
    while data:
        offset += len(data)
        # The next piece is read while this one is sent.
        coming = asyncio.create_task(file.read(offset, min(CHUNK_BYTES, part.stop - offset)))
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await response.write(data)
            data = await coming
        except BaseException:
            coming.cancel()
            # It may have failed by itself: nobody else takes note of that.
            await asyncio.gather(coming, return_exceptions=True)
            raise
    return offset >= part.stop
