"""The HTTP routes that need no login: the page and its files, and health."""

import html
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from ptybridge import __version__
from ptybridge.server.assets import Assets, File
from ptybridge.server.middlewares import PAGE, content_policy, json_response

FOR_EVER = "public, max-age=31536000, immutable"
"""For what is named by its content: RFC 8246."""

ASK_EACH_TIME = "no-cache"

VERSION_HEADER = "Ptybridge-Page"
"""Says that the page is this program's, and in which version: the service worker takes itself
away where another program answers at its address."""

NAMED_FILES = ("sw.js", "manifest.webmanifest", "offline.html")
"""Files that are served under names of their own, besides the pages."""


class Routes:
    """The handlers and what they need."""

    def __init__(self, *, web_root: Path, base: str, embedders: Sequence[str]) -> None:
        """Read the page.

        Args:
            web_root: The page's folder.
            base: The path below which all routes lie: empty, or beginning with a slash.
            embedders: Origins that may show a session in a frame.

        Raises:
            OSError: The page cannot be read.
        """
        self._base = base
        self._assets = Assets(web_root)
        self._embedders = " ".join(embedders)
        self._pages: dict[tuple[str, int], File] = {}

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        base = self._base
        app.router.add_get(f"{base}/", self.page, name=PAGE)
        app.router.add_get(f"{base}/s/{{session}}", self.page, name=f"{PAGE}-session")
        app.router.add_get(
            f"{base}/s/{{session}}/t/{{terminal}}", self.page, name=f"{PAGE}-terminal"
        )
        app.router.add_get(f"{base}/static/{{version}}/{{name:.+}}", self.static)
        for name in NAMED_FILES:
            app.router.add_get(f"{base}/{name}", self.named)
        app.router.add_get(f"{base}/healthz", self.health)

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page; it is the same for everybody and holds no secret.

        With ``?embed=1`` it is one terminal alone, which allowed origins may show in a frame.
        """
        # Relative addresses then lead to the same places from each, also behind a proxy that
        # takes a prefix away: RFC 3986 section 5.2.4.
        depth = max(0, 2 * len(request.match_info) - 1)
        is_embedded = depth > 0 and request.query.get("embed") == "1"
        name = "embed.html" if is_embedded else "index.html"
        file = self._pages.get((name, depth))
        if file is None:
            embedders = html.escape(self._embedders)
            attribute = f'data-embed="{embedders}"' if is_embedded else ""
            file = self._assets.page(name, depth=depth, attribute=attribute)
            self._pages[name, depth] = file
        response = await _serve(request, file)
        response.headers[VERSION_HEADER] = self._assets.version
        if is_embedded:
            policy = content_policy(self._embedders or "'none'")
            response.headers["Content-Security-Policy"] = policy
        return response

    async def static(self, request: web.Request) -> web.StreamResponse:
        """A file of the page, in the version that the page was read in."""
        file = self._assets.static(request.match_info["version"], request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound(text="the page has no such file in this version")
        return await _serve(request, file, caching=FOR_EVER)

    async def named(self, request: web.Request) -> web.StreamResponse:
        """A file that browsers look for under its own name."""
        return await _serve(request, self._assets.named(request.path.rpartition("/")[2]))

    async def health(self, _: web.Request) -> web.StreamResponse:
        """Say that the server answers."""
        return json_response({"status": "ok", "version": __version__})


def accepts_gzip(accepted: str) -> bool:
    """Whether an ``Accept-Encoding`` allows gzip (RFC 9110 section 12.5.3).

    >>> accepts_gzip("br, gzip;q=0.8"), accepts_gzip("gzip;q=0, identity"), accepts_gzip("")
    (True, False, False)
    """
    for item in accepted.lower().split(","):
        coding, _, weight = item.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


async def _serve(request: web.Request, file: File, *, caching: str = ASK_EACH_TIME) -> web.Response:
    """A file in the form that the client takes, or that it has it already (RFC 9110, 13.1.2)."""
    headers = {
        "Cache-Control": caching,
        "Content-Type": file.content_type,
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
    }
    known = request.headers.get("If-None-Match", "")
    if file.tag.removeprefix("W/") in known:
        return web.Response(status=304, headers=headers)
    takes_gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    gzipped = await file.gzipped() if takes_gzip else None
    if gzipped is not None:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=file.body if gzipped is None else gzipped, headers=headers)
