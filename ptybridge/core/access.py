"""Who may do what in which session: the one place that decides.

What somebody is in a session is the greatest of three: what they are in every session (the
identity's role), what the session makes them (owner, if they made it), and, for whoever came by a
share link, what the link says, in that one session and no other. Somebody who is nothing in a
session cannot learn whether it exists.
"""

import hashlib

from ptybridge.core.errors import Denied, NotFound
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Owners
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import Role, RoleName, SessionId, is_name

MAIN_SESSION = SessionId("main")
"""Where those begin who may go anywhere."""


def home_session(identity: Identity) -> SessionId:
    """Where somebody begins who does not say where to."""
    if identity.session is not None:
        return identity.session
    if identity.role is not None:
        return MAIN_SESSION
    if is_name(identity.id):
        return SessionId(identity.id)
    return SessionId(f"user-{hashlib.sha256(identity.id.encode()).hexdigest()[:12]}")


class Access:
    """Answers for every handler and route what an identity is and may do."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    def role(self, identity: Identity, session: str) -> Role | None:
        """What somebody is in a session; None: nothing, as if it did not exist."""
        if identity.session is not None:
            return identity.role if identity.session == session else None
        if identity.role is Role.OWNER:
            return Role.OWNER
        if self._owners.owner_of(SessionId(session)) == identity.id:
            return Role.OWNER
        return identity.role

    def require(self, identity: Identity, session: str, needed: Role) -> Role:
        """Make sure that somebody may do what takes ``needed``; what they are in the session.

        Raises:
            NotFound: They are nothing in it.
            Denied: They are less than that.
        """
        role = self.role(identity, session)
        if role is None:
            raise NotFound("session", session if is_name(session) else "(not a name)")
        if role < needed:
            raise Denied(f"a {role.label} cannot do that")
        return role

    def require_terminal(self, identity: Identity, terminal: Terminal, needed: Role) -> Role:
        """As ``require``, of the terminal's session; what is hidden is told as missing.

        Raises:
            NotFound: They are nothing in it.
            Denied: They are less than that.
        """
        try:
            return self.require(identity, terminal.session_id, needed)
        except NotFound:
            raise NotFound("terminal", terminal.id) from None

    def granted(self, identity: Identity, session: str, asked: RoleName | None) -> Role:
        """What somebody may view a terminal as: what they asked for, at most their own role.

        Raises:
            NotFound: They are nothing in it.
        """
        role = self.require(identity, session, Role.WATCHER)
        return role if asked is None else min(role, Role[asked.upper()])

    def enter(self, identity: Identity, session: str, needed: Role) -> Role:
        """As ``require``, for what makes the session when it is missing: then it is theirs.

        A session that is nobody's yet belongs to whoever asks first and may make one at all:
        not to those who came by a share link, nor to those who may only watch everywhere.

        Raises:
            NotFound: They are nothing in it, and cannot make it theirs.
            Denied: They are less than ``needed``.
        """
        may_make = identity.session is None and identity.role is not Role.WATCHER
        if may_make and self._owners.owner_of(SessionId(session)) is None and is_name(session):
            self._owners.claim(SessionId(session), identity.id)
        return self.require(identity, session, needed)

    def require_account(self, identity: Identity, session: str) -> None:
        """Make sure that somebody owns a session, and not by a share link.

        Raises:
            NotFound: They are nothing in it.
            Denied: They are less, or came by a link, whose end their links would outlive.
        """
        self.require(identity, session, Role.OWNER)
        if identity.session is not None:
            raise Denied("whoever came by a share link cannot do that")

    def forget(self, session: str) -> None:
        """A session is gone for good: its name is free, and its share links are void."""
        self._owners.release(SessionId(session))
