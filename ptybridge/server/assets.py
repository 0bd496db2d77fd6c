"""The page's files: read once at the start, named by a hash of all of them, compressed when asked.

Everything below ``static/HASH/`` is of one version of the page: a module's relative imports stay
below it, a page is never made of two versions, and browsers may keep each file for ever. The files
that are served under names of their own (``index.html``, ``sw.js``, ...) say ``"static/...``; the
hash is put in when they are read.
"""

import asyncio
import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

FOLDERS = ("js", "css", "vendor", "img")
"""Folders of the page that are served; what else lies beside them is for development."""

CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".woff2": "font/woff2",
}
"""Content types by the ends of names; files with other ends are not served."""

LICENCE = "LICENSE"
"""Name of the licences in ``vendor``, which go where the files go."""

_COMPRESSED_ALREADY = {".png", ".woff2"}

_HASH_DIGITS = 16

_STATIC = '"static/'
"""How files that are served under names of their own begin the address of one that is not."""

_SCRIPT = re.compile(r'<script type="module" src="static/([^"]+)"></script>')
_LATER = re.compile(r'<link rel="modulepreload" href="static/([^"]+)">')
_STYLE = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')
_BESIDE = re.compile(r"""url\(\s*["']?\.\./([^"')]+)["']?\s*\)""")
"""What a style sheet loads; all sheets stand one folder below ``static``, or load nothing."""

_STATIC_URL = r'url("static/\1")'

_IMPORT = re.compile(
    r"""^\s*(?:import|export)\b            # at the beginning of a line: not in a JSDoc type
        (?:[^;'"()]*?\bfrom)?\s*           # names, over several lines; none: for its effects
        ["'](\.{1,2}/[^"']+)["']""",
    re.MULTILINE | re.VERBOSE,
)


class File:
    """One file as it is served.

    Attributes:
        content_type: Its media type, and the encoding of text.
        body: Its bytes.
        tag: Names exactly these bytes, in whatever form they are sent (RFC 9110 section 8.8.3).
    """

    def __init__(self, name: str, body: bytes) -> None:
        end = posixpath.splitext(name)[1]
        self.content_type = CONTENT_TYPES.get(end, "text/plain; charset=utf-8")
        self.body = body
        self.tag = f'W/"{hashlib.sha256(body).hexdigest()[:_HASH_DIGITS]}"'
        self._is_compressible = end not in _COMPRESSED_ALREADY
        self._gzipped: bytes | None = None
        self._compressing: asyncio.Future[bytes] | None = None

    async def gzipped(self) -> bytes | None:
        """The file compressed as far as gzip goes; None where that does not make it smaller.

        It is done once, in a thread: nobody else waits.
        """
        if not self._is_compressible:
            return None
        if self._gzipped is None:
            if self._compressing is None:
                loop = asyncio.get_running_loop()
                self._compressing = loop.run_in_executor(None, _compress, self.body)
            # Shielded: whoever asked first may go, and others wait for the same.
            self._gzipped = await asyncio.shield(self._compressing)
            self._compressing = None
            self._is_compressible = len(self._gzipped) < len(self.body)
        return self._gzipped if self._is_compressible else None


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=9, mtime=0)


class Assets:
    """All that is served of the page.

    Attributes:
        version: The hash: other files, another version.
    """

    def __init__(self, root: Path) -> None:
        """Read the page's folder.

        Raises:
            OSError: It cannot be read.
        """
        static = dict(_static_files(root))
        named = {
            path.name: path.read_bytes()
            for path in sorted(root.iterdir())
            if path.suffix in {".html", ".webmanifest"} or path.name == "sw.js"
        }
        digest = hashlib.sha256()
        for name, body in sorted((static | named).items()):
            digest.update(f"{name}\0{len(body)}\0".encode())
            digest.update(body)
        self.version = digest.hexdigest()[:_HASH_DIGITS]
        self._static = {name: File(name, body) for name, body in static.items()}
        self._named = {name: File(name, self._with_hash(body)) for name, body in named.items()}
        self._pages = {name: body.decode() for name, body in named.items()}

    def static(self, version: str, name: str) -> File | None:
        """A file below ``static/``; None if there is none, or not in that version."""
        return self._static.get(name) if version == self.version else None

    def named(self, name: str) -> File:
        """A file that is served under a name of its own.

        Raises:
            KeyError: There is none.
        """
        return self._named[name]

    def page(self, name: str, *, depth: int = 0, attribute: str = "") -> File:
        """A page that loads modules, for an address so many folders below the page's own.

        Its style sheets are put into it, and all modules that its scripts import are named, as are
        those of the modules that it asks to preload itself.

        Args:
            name: Its file.
            depth: Folders between the page's own address and the one that it is for.
            attribute: What to put into its ``html`` element besides, as HTML.
        """
        text = self._pages[name]
        named = {*_SCRIPT.findall(text), *_LATER.findall(text)}
        preloads = "".join(
            f'    <link rel="modulepreload" href="static/{module}">\n'
            for module in self.modules(*sorted(named))
            if module not in named
        )
        text = _STYLE.sub(lambda link: self._style(link[1]), text)
        base = f'\n    <base href="{"../" * depth}">' if depth else ""
        text = text.replace("<head>", f"<head>{base}", 1)
        text = text.replace("  </head>", f"{preloads}  </head>", 1)
        text = text.replace("<html", f"<html {attribute}".rstrip(), 1)
        return File(name, self._with_hash(text.encode()))

    def _style(self, name: str) -> str:
        """A style sheet inside the page: nothing of it is seen before all sheets are there."""
        css = self._static[name].body.decode()
        return f"<style>{_BESIDE.sub(_STATIC_URL, css)}</style>"

    def modules(self, *entries: str) -> list[str]:
        """The modules that run before some do, themselves included, as their imports say.

        Those that are loaded later, by ``import()``, are not among them.
        """
        found = dict.fromkeys(name for name in entries if name in self._static)
        waiting = list(found)
        while waiting:
            importer = waiting.pop()
            for target in _IMPORT.findall(self._static[importer].body.decode()):
                name = posixpath.normpath(posixpath.join(posixpath.dirname(importer), target))
                if name in self._static and name not in found:
                    found[name] = None
                    waiting.append(name)
        return list(found)

    def _with_hash(self, body: bytes) -> bytes:
        return body.replace(_STATIC.encode(), f"{_STATIC}{self.version}/".encode())


def _static_files(root: Path) -> list[tuple[str, bytes]]:
    """Name and body of each file below ``static/``; names are paths with slashes."""
    return [
        (path.relative_to(root).as_posix(), path.read_bytes())
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*"))
        if (path.suffix in CONTENT_TYPES or path.name == LICENCE) and path.is_file()
    ]
