"""Share links: made, listed and revoked by whoever owns the session."""

import time
from collections.abc import Callable
from typing import Annotated

import msgspec
from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, Conflict
from ptybridge.core.ports import Authenticator, Shares
from ptybridge.core.shares import Share
from ptybridge.core.values import Role, RoleName, SessionId, is_name
from ptybridge.server.audited import note
from ptybridge.server.middlewares import IDENTITY, UNREADABLE, authenticated, json_response

MAX_LIFETIME = 366 * 86_400
"""Seconds that a link may last, where it is given an end at all."""


class NewShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Body of ``POST /api/sessions/{id}/shares``.

    Attributes:
        role: What whoever comes by the link is.
        expires_in: Seconds until it, and everybody who came by it, is out; None is never.
        max_uses: How many logins it is good for; None is any number.
        name: What whoever comes by it is called.
    """

    role: RoleName = "watcher"
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIFETIME)] | None = 86_400
    max_uses: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "guest"


class ShareState(msgspec.Struct, frozen=True, rename="camel"):
    """A link as its owner sees it; times in milliseconds since the Unix epoch."""

    id: str
    role: RoleName
    name: str
    made_by: str
    created: int
    expires: int | None
    max_uses: int | None
    uses: int


def share_state(share: Share) -> ShareState:
    """What is shown of a link."""
    return ShareState(
        id=share.id,
        role=share.role.label,
        name=share.name,
        made_by=share.made_by,
        created=int(share.created * 1000),
        expires=None if share.expires is None else int(share.expires * 1000),
        max_uses=share.max_uses,
        uses=share.uses,
    )


class ShareRoutes:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        access: Access,
        shares: Shares,
        base: str,
        on_revoked: Callable[[], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what the handlers need.

        Args:
            authenticator: Knows who is asking.
            access: Decides whether they may.
            shares: The links.
            base: The path below which all routes lie: empty, or beginning with a slash.
            on_revoked: Called when somebody may have to go.
            wall_clock: Seconds since the Unix epoch.
        """
        self._authenticator = authenticator
        self._access = access
        self._shares = shares
        self._base = base
        self._on_revoked = on_revoked
        self._wall_clock = wall_clock

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        path = f"{self._base}/api/sessions/{{id}}/shares"
        for method, place, handler in (
            ("POST", path, self.create),
            ("GET", path, self.list),
            ("DELETE", f"{path}/{{share}}", self.revoke),
        ):
            app.router.add_route(method, place, authenticated(self._authenticator, handler))

    def _session(self, request: web.Request) -> SessionId:
        """The session in the path, which whoever asks must own."""
        name = request.match_info["id"]
        if not is_name(name):
            raise BadRequest("the session's name: 1 to 64 of A-Z a-z 0-9 . _ - are allowed")
        self._access.enter(request[IDENTITY], name, Role.OWNER)
        self._access.require_account(request[IDENTITY], name)
        return SessionId(name)

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Make a link; its secret is in this one answer, and nowhere else ever."""
        session, identity = self._session(request), request[IDENTITY]
        if self._authenticator.mode == "none":
            raise Conflict("whoever reaches this server is its owner: there is nothing to share")
        try:
            new = msgspec.json.decode(await request.read(), type=NewShare)
        except UNREADABLE as error:
            raise BadRequest("the body may have role, expiresIn, maxUses and name") from error
        if not new.name.isprintable():
            raise BadRequest("name: printable characters only")
        expires = None if new.expires_in is None else self._wall_clock() + new.expires_in
        share, secret = self._shares.create(
            session,
            role=Role[new.role.upper()],
            name=new.name,
            made_by=identity.id,
            expires=expires,
            max_uses=new.max_uses,
        )
        note(request, "share", identity, session=session, share=share.id, role=new.role)
        link = {
            "share": share_state(share),
            "token": secret,
            "fragment": f"#share={secret}",
        }
        return json_response(link, status=201)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """The session's links, without their secrets."""
        shares = self._shares.of(self._session(request))
        return json_response({"shares": [share_state(share) for share in shares]})

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        """End a link; whoever came by it is out before this answers."""
        session, share = self._session(request), request.match_info["share"]
        self._shares.revoke(session, share)
        note(request, "revoke", request[IDENTITY], session=session, share=share)
        self._on_revoked()
        return web.Response(status=204)
