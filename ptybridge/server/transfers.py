"""Files that are on their way: whoever may not have them any more is cut off within a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.core.values import Role, SessionId

NEEDED = Role.WRITER
"""Who may move files: who can type can read and write them anyway, and who watches cannot."""


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """A request that carries a file.

    Attributes:
        request: The request.
        identity: Who made it.
        session: The session whose terminal it came by.
    """

    request: web.Request
    identity: Identity
    session: SessionId


class Transfers:
    """The requests that carry files now."""

    def __init__(self, *, authenticator: Authenticator, access: Access) -> None:
        self._authenticator = authenticator
        self._access = access
        self._running: set[Transfer] = set()

    def may_go_on(self, identity: Identity, session: SessionId) -> bool:
        """Whether somebody who was let in may still move files there."""
        standing = self._authenticator.standing(identity)
        role = None if standing is None else self._access.role(standing, session)
        return role is not None and role >= NEEDED

    @contextmanager
    def carrying(
        self, request: web.Request, identity: Identity, session: SessionId
    ) -> Iterator[None]:
        """Watch over a request while it carries a file."""
        transfer = Transfer(request, identity, session)
        self._running.add(transfer)
        try:
            yield
        finally:
            self._running.discard(transfer)

    def sweep(self) -> None:
        """Cut off whoever may not go on; what waits to be sent is dropped."""
        for transfer in tuple(self._running):
            transport = transfer.request.transport
            if transport is not None and not self.may_go_on(transfer.identity, transfer.session):
                transport.abort()
