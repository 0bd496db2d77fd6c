"""The page's floor: aiohttp giving out one file that looks as the page does before it runs.

No script, no second request, nothing that is looked up or compressed: what is left is the browser.
Prints its port when it serves.
"""

import asyncio
import re
from pathlib import Path

from aiohttp import web

WEB = Path(__file__).parents[1] / "web"


def still_page() -> str:
    """The page with its style sheets inside and without its scripts."""
    html = (WEB / "index.html").read_text()
    html = re.sub(r"\s*<script[^>]*></script>", "", html)
    html = re.sub(r'\s*<link rel="(?:manifest|icon|apple-touch-icon)"[^>]*>', "", html)
    return re.sub(
        r'<link rel="stylesheet" href="static/([^"]+)">',
        lambda link: f"<style>{(WEB / link[1]).read_text()}</style>",
        html,
    )


async def serve() -> None:
    """Serve until cancelled."""
    page = still_page()

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=page, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
