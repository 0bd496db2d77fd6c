"""The HTTP routes that need no login: the page and its files, and health."""

from pathlib import Path

from aiohttp import web

from ptybridge import __version__
from ptybridge.server.middlewares import json_response

STATIC_FOLDERS = ("js", "css", "vendor", "img")
"""Folders of the page that are served; what else lies beside them is for development."""


class Routes:
    """The handlers and what they need."""

    def __init__(self, *, web_root: Path, base: str) -> None:
        """``base`` is the path below which all routes lie: empty, or beginning with a slash."""
        self._web_root = web_root
        self._base = base

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        base = self._base
        app.router.add_get(f"{base}/", self.page)
        app.router.add_get(f"{base}/healthz", self.health)
        for folder in STATIC_FOLDERS:
            if (self._web_root / folder).is_dir():
                app.router.add_static(f"{base}/static/{folder}", self._web_root / folder)

    async def page(self, _: web.Request) -> web.StreamResponse:
        """The page; it is the same for everybody and holds no secret."""
        return web.FileResponse(
            self._web_root / "index.html", headers={"Cache-Control": "no-cache"}
        )

    async def health(self, _: web.Request) -> web.StreamResponse:
        """Say that the server answers."""
        return json_response({"status": "ok", "version": __version__})
