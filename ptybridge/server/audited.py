"""What is written down about requests: who did what, and from where."""

from aiohttp import web

from ptybridge.core.identity import Identity
from ptybridge.core.ports import Audit
from ptybridge.core.terminal import Terminal
from ptybridge.server.callers import CALLER
from ptybridge.server.connection import Connection


class NoAudit:
    """Fulfils ``core.ports.Audit`` where nothing is to be written down."""

    def record(
        self,
        event: str,
        *,
        who: str | None = None,
        address: str | None = None,
        **facts: str | int | None,
    ) -> None:
        """Forget it."""


AUDIT = web.AppKey("audit", Audit)


def note(
    request: web.Request, event: str, identity: Identity | None, **facts: str | int | None
) -> None:
    """Write down what a request has done."""
    request.config_dict[AUDIT].record(
        event,
        who=None if identity is None else identity.id,
        address=request[CALLER].address,
        **facts,
    )


def note_deed(
    audit: Audit, connection: Connection, event: str, terminal: Terminal, **facts: str | int | None
) -> None:
    """Write down what somebody has done to a terminal over a connection."""
    audit.record(
        event,
        who=connection.identity.id,
        address=connection.address,
        session=terminal.session_id,
        terminal=terminal.id,
        **facts,
    )
