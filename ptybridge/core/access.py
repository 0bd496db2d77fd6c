"""Who may do what in which session: the one place that decides.

What somebody is in a session is the greatest of three: what they are in every session (the
identity's role), what the session makes them (owner, if they made it), and, for whoever came by a
share link, what the link says, in that one session and no other. Somebody who is nothing in a
session cannot learn whether it exists.

Where somebody begins is nobody else's to take: whoever could make it before them would see all
that is typed and said there.
"""

import hashlib
from collections.abc import Collection

from ptybridge.core.errors import Denied, LimitReached, NotFound
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Owners
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import Role, RoleName, SessionId, is_name

MAIN_SESSION = SessionId("main")
"""Where those begin who may go anywhere."""

_OWN = "user-"
_HASHED = "home-"
"""How homes begin: with the user's name behind it, or its hash where that can be no name."""


def home_session(identity: Identity) -> SessionId:
    """Where somebody begins who does not say where to."""
    if identity.session is not None:
        return identity.session
    return MAIN_SESSION if identity.role is not None else _own_home(identity.id)


def _own_home(identity_id: str) -> SessionId:
    """The session that is kept for one user alone."""
    own = f"{_OWN}{identity_id}"
    if is_name(own):
        return SessionId(own)
    return SessionId(f"{_HASHED}{hashlib.sha256(identity_id.encode()).hexdigest()[:32]}")


class Access:
    """Answers for every handler and route what an identity is and may do."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._sessions: Collection[SessionId] = ()
        self._sessions_per_user = 0

    def know(self, sessions: Collection[SessionId], *, per_user: int) -> None:
        """Learn which sessions there are, as they come and go, and how many one may have made."""
        self._sessions = sessions
        self._sessions_per_user = per_user

    def role(self, identity: Identity, session: str) -> Role | None:
        """What somebody is in a session; None: nothing, as if it did not exist."""
        if identity.session is not None:
            return identity.role if identity.session == session else None
        if self.owns_all(identity):
            return Role.OWNER
        if self._owners.owner_of(SessionId(session)) == identity.id:
            return Role.OWNER
        return identity.role

    def owns_all(self, identity: Identity) -> bool:
        """Whether ``role`` says owner, whichever session it is asked about."""
        return identity.session is None and identity.role is Role.OWNER

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

        A session that nobody has made yet belongs to whoever asks first and may make one at all:
        not to those who came by a share link, nor to those who may only watch everywhere.

        Raises:
            NotFound: They are nothing in it, and cannot make it theirs.
            Denied: They are less than ``needed``.
            LimitReached: They have made too many.
        """
        name = SessionId(session)
        if name in self._sessions and self._owners.owner_of(name) is not None:
            return self.require(identity, session, needed)  # as a rule
        if self._may_make(identity, name):
            self._check_share_of(identity, name)
            self._owners.claim(name, identity.id)
        role = self.require(identity, session, needed)
        is_there = name in self._sessions or self._owners.owner_of(name) is not None
        if role is Role.WATCHER and not is_there and name != MAIN_SESSION:
            raise NotFound("session", session if is_name(session) else "(not a name)")
        return role

    def _may_make(self, identity: Identity, session: SessionId) -> bool:
        """Whether a session becomes theirs by their asking for it."""
        if identity.session is not None or identity.role is Role.WATCHER:
            return False
        if not is_name(session) or self._owners.owner_of(session) not in {None, identity.id}:
            return False
        if session == _own_home(identity.id):
            return True
        if session in self._sessions:  # it was somebody's: what was said in it is not given away
            return False
        if session == MAIN_SESSION:
            return identity.role is not None
        return not session.startswith((_OWN, _HASHED))

    def may_name_terminal(self, identity: Identity, name: str) -> bool:
        """Whether somebody may give a terminal that name: not another's session's.

        ``/pty`` finds terminals by such names: who plants one there is typed to by whoever
        believes to begin a shell.
        """
        session = SessionId(name)
        is_session = (
            session == MAIN_SESSION
            or session.startswith((_OWN, _HASHED))
            or session in self._sessions
            or self._owners.owner_of(session) is not None
        )
        role = self.role(identity, name)
        return not is_session or (role is not None and role >= Role.WRITER)

    def _check_share_of(self, identity: Identity, session: SessionId) -> None:
        """Refuse one more session to somebody who has their share; owners have what there is."""
        if identity.role is Role.OWNER or not self._sessions_per_user:
            return
        if session in self._sessions:
            return
        made = sum(1 for name in self._sessions if self._owners.owner_of(name) == identity.id)
        if made >= self._sessions_per_user:
            raise LimitReached("sessions of one user", self._sessions_per_user)

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
        """A session is gone for good: its name is free, and its share links are void.

        Raises:
            Unavailable: That cannot be written down.
        """
        self._owners.release(SessionId(session))
