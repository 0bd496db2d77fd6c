"""Who is asking: the modes of showing it, and what every later request then rests on.

An identity carries its *grounds*: the login, the token's or the password's fingerprint, the share
link. ``standing`` looks at each again, so that what ends one of them ends whoever came by it.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from ptybridge.adapters.access_store import AccessStore, Login
from ptybridge.adapters.passwords import PasswordChecker
from ptybridge.adapters.tickets import Tickets
from ptybridge.adapters.tokens import Token, digest_of
from ptybridge.adapters.users import User, Users, is_user_name
from ptybridge.core.identity import OWNER, VOUCHED, AuthMode, Identity
from ptybridge.core.shares import Share
from ptybridge.core.values import Role

LOGIN_LIFETIME = 30 * 86_400.0
"""Seconds for which a login is good, whatever happens."""

LOGIN_IDLE = 7 * 86_400.0
"""Seconds for which a login that nobody uses is good."""

CLOCK_SLACK = 60.0
"""Seconds by which the wall clock may have been set back since a login."""


class Authentication:
    """Fulfils ``core.ports.Authenticator`` for all modes."""

    def __init__(
        self,
        mode: AuthMode,
        *,
        store: AccessStore,
        token: Token | None = None,
        users: Users | None = None,
        ticket_lifetime: float = 60.0,
        login_lifetime: float = LOGIN_LIFETIME,
        login_idle: float = LOGIN_IDLE,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what the mode needs.

        Args:
            mode: How people show who they are.
            store: Keeps logins and share links.
            token: The server's token; needed by mode ``token``.
            users: The users; needed by mode ``password``, used for roles by ``proxy``.
            ticket_lifetime: Seconds for which a ticket is good.
            login_lifetime: Seconds for which a login is good.
            login_idle: Seconds after which a login ends that is not used.
            clock: Seconds since any moment; tickets end by it.
            wall_clock: Seconds since the Unix epoch; logins end by it.
        """
        assert token is not None or mode != "token"
        assert users is not None or mode != "password"
        self._mode = mode
        self._store = store
        self._token = token if mode == "token" else None
        self._users = users if mode in {"password", "proxy"} else None
        self._passwords = PasswordChecker()
        self._tickets = Tickets(lifetime=ticket_lifetime, clock=clock)
        self._login_lifetime = login_lifetime
        self._login_idle = login_idle
        self._wall_clock = wall_clock

    @property
    def mode(self) -> AuthMode:
        """How people show who they are."""
        return self._mode

    # --- showing who one is

    def authenticate(self, token: str) -> Identity | None:
        """Whose token this is; None if nobody's, or if tokens are not the mode."""
        if self._token is None:
            return None
        self._token.refresh()
        return replace(OWNER, grounds=(self._token.ground,)) if self._token.matches(token) else None

    async def check_password(self, user: str, password: str) -> Identity | None:
        """The user of that name and password; see ``core.ports.Authenticator``."""
        if self._mode != "password" or self._users is None:
            return None
        self._users.refresh()
        known = self._users.get(user)
        if not await self._passwords.check(known.hash if known else None, password):
            return None
        return None if known is None else _user(user, known)

    def vouched(self, name: str) -> Identity | None:
        """Whom a trusted proxy names; None if nobody can be called so, or not the mode."""
        if self._mode != "proxy" or not is_user_name(name):
            return None
        known = self._users.get(name) if self._users else None
        role = known.rank if known else None
        return Identity(name, name, role, grounds=(f"{VOUCHED}{name}",))

    def anybody(self) -> Identity | None:
        """Who an unknown is where nobody has to show who they are; None elsewhere."""
        return replace(OWNER, grounds=("open:",)) if self._mode == "none" else None

    def redeem_share(self, token: str) -> Identity | None:
        """The guest that a share link lets in, one use of it spent; None if it does not."""
        share = self._store.use_share(token)
        if share is None:
            return None
        guest = f"guest:{secrets.token_hex(6)}"
        identity = Identity(guest, share.name, share.role, share.session, (f"share:{share.id}",))
        return self.standing(identity)

    # --- logins

    def issue_cookie(self, identity: Identity) -> str:
        """Begin a login; see ``core.ports.Authenticator``."""
        now = self._wall_clock()
        # Of logins that each came by a ticket of the one before, the first is enough to know.
        logins = [ground for ground in identity.grounds if ground.startswith("login:")][-1:]
        others = [ground for ground in identity.grounds if not ground.startswith("login:")]
        grounds = (*logins, *others)
        login = Login(
            identity.id, identity.name, identity.role, identity.session, grounds, now, now
        )
        return self._store.add_login(login)

    def check_cookie(self, value: str) -> Identity | None:
        """Whose login cookie this is; None if it is forged, revoked or too old."""
        digest = digest_of(value)
        login = self._store.login(digest)
        if login is None:
            return None
        self.refresh()
        grounds = (f"login:{digest.hex()}", *login.grounds)
        return self.standing(
            Identity(login.identity, login.name, login.role, login.session, grounds)
        )

    def revoke_cookie(self, value: str) -> None:
        """End a login. Idempotent."""
        self._store.drop_login(digest_of(value))

    # --- tickets

    def issue_ticket(self, identity: Identity) -> str:
        """Make a ticket; see ``core.ports.Authenticator``."""
        return self._tickets.issue(identity)

    def redeem_ticket(self, ticket: str) -> Identity | None:
        """Whose ticket this was; None if it was used, is too old, or never was one."""
        identity = self._tickets.redeem(ticket)
        return None if identity is None else self.standing(identity)

    # --- whether all that still holds

    def standing(self, identity: Identity) -> Identity | None:
        """What somebody who was let in is now; None: they no longer belong here."""
        now: Identity | None = identity
        for ground in identity.grounds:
            kind, _, value = ground.partition(":")
            if now is not None:
                now = self._look_at(now, kind, value)
        return now

    def _look_at(self, identity: Identity, kind: str, value: str) -> Identity | None:
        """What one ground makes of an identity."""
        holds = False
        match kind:
            case "login":
                holds = self._is_alive(bytes.fromhex(value))
            case "open":
                holds = self._mode == "none"
            case "token":
                holds = self._token is not None and self._token.ground == f"token:{value}"
            case "share":
                share = self._store.share(value)
                holds = share is not None and self._may_share(share)
            case "user":
                fingerprint, _, name = value.partition(":")
                known = self._users.get(name) if self._users else None
                if self._mode == "password" and known and known.fingerprint == fingerprint:
                    return replace(identity, role=known.rank)
            case "proxied" if self._mode == "proxy":
                known = self._users.get(value) if self._users else None
                return replace(identity, role=known.rank if known else None)
        return identity if holds else None

    def _may_share(self, share: Share) -> bool:
        """Whether whoever made a link could still make it: they are known, and own the session."""
        maker = share.made_by
        if maker == OWNER.id or self._users is None:
            return True
        known = self._users.get(maker)
        if known is None and self._mode == "password":
            return False
        is_owner = known is not None and known.rank is Role.OWNER
        return is_owner or self._store.owner_of(share.session) == maker

    def _is_alive(self, digest: bytes) -> bool:
        login, now = self._store.login(digest), self._wall_clock()
        if login is None:
            return False
        age, idle = now - login.issued, now - login.used
        # A clock that was set back must not make logins last longer.
        if not -CLOCK_SLACK < age < self._login_lifetime or idle >= self._login_idle:
            self._store.drop_login(digest)
            return False
        self._store.touch_login(digest)
        return True

    def refresh(self) -> None:
        """Take note of what others have changed in the files; cheap when that is nothing."""
        if self._token is not None:
            self._token.refresh()
        if self._users is not None:
            self._users.refresh()
        self._store.refresh()


def _user(name: str, user: User) -> Identity:
    return Identity(name, name, user.rank, grounds=(f"user:{user.fingerprint}:{name}",))
