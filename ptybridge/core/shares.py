"""Share links: a role in one session for whoever has the link."""

from dataclasses import dataclass

from ptybridge.core.values import Role, SessionId

MAX_SHARES = 100
"""Links that a session may have at once."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share link, without its secret: that is shown once, and then only its hash is kept.

    Attributes:
        id: Names it for whoever lists or revokes it; opens nothing.
        session: The only session that it opens.
        role: What whoever comes by it is there; never more.
        name: What whoever comes by it is called.
        made_by: The id of the identity that made it.
        created: When, in seconds since the Unix epoch.
        expires: When it, and everybody who came by it, is out; None is never.
        max_uses: How many logins it is good for; None is any number.
        uses: How many there were.
    """

    id: str
    session: SessionId
    role: Role
    name: str
    made_by: str
    created: float
    expires: float | None
    max_uses: int | None
    uses: int

    def is_over(self, now: float) -> bool:
        """Whether its time has passed; those who came by it are out then."""
        return self.expires is not None and self.expires <= now

    def is_used_up(self) -> bool:
        """Whether nobody else may come by it; those who did may stay."""
        return self.max_uses is not None and self.uses >= self.max_uses
