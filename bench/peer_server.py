"""A terminado server as its documentation shows it, in a process of its own.

Run as ``python -m bench.peer_server single|unique COMMAND...``; prints its port when ready.
"""

import asyncio
import sys

import tornado.web
from terminado.management import SingleTermManager, UniqueTermManager
from terminado.websocket import TermSocket
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

MANAGERS = {"single": SingleTermManager, "unique": UniqueTermManager}


async def main(kind: str, command: list[str]) -> None:
    """Serve ``command`` until the process is ended."""
    terminals = MANAGERS[kind](shell_command=command)
    app = tornado.web.Application([(r"/websocket", TermSocket, {"term_manager": terminals})])
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(app).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
