"""``ptybridge share``: share links, made and revoked on the server's machine."""

import argparse
import time
from contextlib import closing
from datetime import UTC, datetime

from ptybridge.adapters.access_store import AccessStore, AccessStoreError
from ptybridge.cli.entrance import ACCESS_FILE, open_audit
from ptybridge.cli.preparation import ServeError, page_url, state_dir
from ptybridge.config import Settings
from ptybridge.core.errors import RequestError
from ptybridge.core.identity import OWNER
from ptybridge.core.shares import Share
from ptybridge.core.values import Role, SessionId, is_name
from ptybridge.server.audited import NoAudit

MAX_NAME = 64
"""Characters that a guest's name may have."""


def run(arguments: argparse.Namespace, settings: Settings) -> None:
    """Do what was asked; a server that runs notices by itself.

    Raises:
        ServeError: It cannot be done.
    """
    if not is_name(arguments.session):
        raise ServeError("a session's name is 1 to 64 of A-Z a-z 0-9 . _ -")
    session = SessionId(arguments.session)
    audit = open_audit(settings) or NoAudit()
    try:
        with closing(AccessStore(state_dir() / ACCESS_FILE)) as store:
            match arguments.action:
                case "create":
                    share = _create(arguments, settings, store, session)
                    facts = {"session": session, "share": share.id, "role": share.role.label}
                    audit.record("share", who=OWNER.id, **facts)
                case "revoke":
                    store.revoke(session, arguments.id)
                    audit.record("revoke", who=OWNER.id, session=session, share=arguments.id)
                case _:
                    for share in store.of(session):
                        print(_line(share))
    except (AccessStoreError, RequestError) as error:
        raise ServeError(str(error)) from error


def _create(
    arguments: argparse.Namespace, settings: Settings, store: AccessStore, session: SessionId
) -> Share:
    """Make a link, and print its URL."""
    if not arguments.name.isprintable() or not 0 < len(arguments.name) <= MAX_NAME:
        raise ServeError(f"--name: 1 to {MAX_NAME} printable characters")
    if settings.auth.mode == "none":
        raise ServeError("auth.mode: where it is none there is nothing to share")
    expires = arguments.expires
    share, secret = store.create(
        session,
        role=Role[arguments.role.upper()],
        name=arguments.name,
        made_by=OWNER.id,
        expires=None if expires is None else time.time() + expires,
        max_uses=arguments.uses,
    )
    page = page_url(settings, settings.transport.websocket.port, token=None)
    if origins := settings.auth.allowed_origins:
        page = origins[0] + settings.server.base_path.rstrip("/") + "/"
    print(f"{page}#share={secret}")
    print(_line(share))
    return share


def _line(share: Share) -> str:
    """What is known of a link, for people and for cut(1)."""
    end = "never"
    if share.expires is not None:
        end = datetime.fromtimestamp(share.expires, UTC).isoformat(timespec="seconds")
    uses = f"{share.uses}/{'any' if share.max_uses is None else share.max_uses}"
    return "\t".join((share.id, share.role.label, f"until {end}", f"used {uses}", share.name))
