"""Who somebody is, and what the server knows them by."""

from dataclasses import dataclass, field
from typing import Literal

from ptybridge.core.values import Role, SessionId

AuthMode = Literal["token", "password", "proxy", "none"]
"""How people show who they are."""

VOUCHED = "proxied:"
"""Begins the ground of whom a trusted proxy has named."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody the server knows. What they may do is decided by ``core.access`` alone.

    Attributes:
        id: A stable name, unique on this server.
        name: What others are shown.
        role: What they are in every session; None: only what a session makes them.
        session: The only session that exists for them, if they came by a share link.
        grounds: What the server let them in for, each as ``kind:value``; when one of them no
            longer holds, neither does the identity. Digests and names, never a secret.
    """

    id: str
    name: str
    role: Role | None = Role.OWNER
    session: SessionId | None = None
    grounds: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def account(self) -> str:
        """What limits count as one: whoever it is or, for guests, the link that they came by.

        A guest is somebody else at each login; the link is what can be revoked.
        """
        return next((ground for ground in self.grounds if ground.startswith("share:")), self.id)

    @property
    def is_vouched(self) -> bool:
        """Whether a proxy's word is behind it, which holds for what that proxy brings."""
        return any(ground.startswith(VOUCHED) for ground in self.grounds)


OWNER = Identity("owner", "owner")
"""Whoever holds the server's token, or may come in without any."""
