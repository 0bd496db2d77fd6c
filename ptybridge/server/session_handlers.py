"""Handlers of the messages of a session's channel: docs/wire.md section 2."""

from collections.abc import Callable
from functools import partial

from ptybridge.core.access import Access
from ptybridge.core.bus import Bus
from ptybridge.core.errors import BadRequest, NotFound
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Audit
from ptybridge.core.registry import Registry
from ptybridge.core.session import Session
from ptybridge.core.session_events import ChatMessage
from ptybridge.core.values import Role, SessionId, is_name
from ptybridge.server.connection import Connection
from ptybridge.server.router import Router
from ptybridge.server.session_states import channel_state, history_page
from ptybridge.server.subscriptions import Batches, Subscription
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire


class SessionHandlers:
    """Serves what clients ask of a session's channel."""

    def __init__(
        self,
        registry: Registry,
        *,
        bus: Bus,
        access: Access,
        standing: Callable[[Identity], Identity | None],
        audit: Audit,
    ) -> None:
        """``standing`` tells what somebody is now, who was let in before; see ``Authenticator``."""
        self._registry = registry
        self._standing = standing
        self._audit = audit
        self._access = access
        self._bus = bus
        self._batches = Batches()

    def add_to(self, router: Router) -> None:
        """Take over the messages of the channel."""
        router.add(wire.Subscribe, self.subscribe)
        router.add(wire.Unsubscribe, self.unsubscribe)
        router.add(wire.Say, self.say)
        router.add(wire.PromptRequest, self.prompt)
        router.add(wire.Cancel, self.cancel)
        router.add(wire.Approve, self.approve)
        router.add(wire.History, self.history)
        router.add(wire.Read, self.read)
        router.add(wire.TypingRequest, self.typing)

    def follow(self, connection: Connection, session: Session, *, since: int | None = None) -> None:
        """Have a connection follow a session, in the place of an earlier following of it."""
        since = session.log.seq if since is None else since  # its own coming is told, too
        present = connection.subscriptions.pop(session.id, None)
        if present is None:
            identity = connection.identity
            session.join(identity, self._access.role(identity, session.id) or Role.WATCHER)
        else:
            present.end()
        subscription = Subscription(session, connection.link, self._bus, self._batches, since=since)
        connection.subscriptions[session.id] = subscription
        subscription.begin()

    def subscribe(
        self, connection: Connection, message: wire.Subscribe, request_id: int | None
    ) -> None:
        """Follow a session: what there is, then what comes."""
        session = self._session(connection, message.session_id)
        log = session.log
        reply = wire.Subscribed(session.id, log.seq, channel_state(session))
        connection.reply(reply, request_id)
        # Beyond its newest event a session has nothing that could be missed: it is another one.
        since = log.seq if message.since is None else min(message.since, log.seq)
        self.follow(connection, session, since=since)

    def unsubscribe(
        self, connection: Connection, message: wire.Unsubscribe, request_id: int | None
    ) -> None:
        """Follow a session no more."""
        # Looked for among the connection's own: a session that is named must not be made by it.
        name = message.session_id or self._session(connection, None).id
        subscription = connection.subscriptions.pop(SessionId(name), None)
        if subscription is None:
            raise NotFound("subscription to session", name if is_name(name) else "(not a name)")
        subscription.end()
        subscription.session.leave(connection.identity)
        connection.reply(wire.Unsubscribed(subscription.session.id), request_id)

    def say(self, connection: Connection, message: wire.Say, request_id: int | None) -> None:
        """Say something to the members."""
        session = self._session(connection, message.session_id)
        said = session.chat.say(message.text, author=connection.identity.name)
        self._said(connection, session, said, request_id)

    def prompt(
        self, connection: Connection, message: wire.PromptRequest, request_id: int | None
    ) -> None:
        """Ask the responder."""
        session = self._session(connection, message.session_id)
        text = "\n".join(part.text for part in message.parts)
        identity = connection.identity
        said = session.chat.prompt(
            text, author=identity.name, may_still=partial(self._may_prompt, identity, session)
        )
        self._note(connection, "prompt", session, message=said.id)
        self._said(connection, session, said, request_id)

    def _note(
        self, connection: Connection, event: str, session: Session, **facts: str | None
    ) -> None:
        """Write down what somebody has a responder do; never the words."""
        self._audit.record(
            event,
            who=connection.identity.id,
            address=connection.address or None,
            session=session.id,
            **facts,
        )

    @staticmethod
    def _said(
        connection: Connection, session: Session, said: ChatMessage, request_id: int | None
    ) -> None:
        """Whoever says something has read what was said before, and types it no more."""
        session.typists.drop(connection.identity)
        session.mark_read(connection.identity, said.number)
        connection.reply(wire.Taken(said.id), request_id)

    def _may_prompt(self, identity: Identity, session: Session) -> bool:
        """Whether somebody may prompt now, whose connection may be gone."""
        now = self._standing(identity)
        role = None if now is None else self._access.role(now, session.id)
        return role is not None and role >= Role.WRITER

    def cancel(self, connection: Connection, message: wire.Cancel, request_id: int | None) -> None:
        """Stop the answer that runs."""
        session = self._present(connection, message.session_id)
        session.chat.cancel(message.message_id)
        self._note(connection, "cancel", session)
        connection.reply(messages.Accepted(), request_id)

    def approve(
        self, connection: Connection, message: wire.Approve, request_id: int | None
    ) -> None:
        """Let a tool be used, or not."""
        session = self._present(connection, message.session_id)
        author = connection.identity.name
        session.chat.approve(message.call_id, approved=message.approved, author=author)
        verdict = "approve" if message.approved else "refuse"
        self._note(connection, verdict, session, call=message.call_id)
        connection.reply(messages.Accepted(), request_id)

    def history(
        self, connection: Connection, message: wire.History, request_id: int | None
    ) -> None:
        """Give older messages."""
        session = self._present(connection, message.session_id)

        async def look() -> None:
            page = await history_page(session, before=message.before, limit=message.limit)
            connection.reply(page, request_id)

        connection.run(look(), request_id)

    def read(self, connection: Connection, message: wire.Read, request_id: int | None) -> None:
        """Note what somebody has read."""
        session = self._present(connection, message.session_id)
        session.mark_read(connection.identity, message.number)
        connection.reply(messages.Accepted(), request_id)

    def typing(
        self, connection: Connection, message: wire.TypingRequest, request_id: int | None
    ) -> None:
        """Let the members know that somebody types, or no more."""
        session = self._present(connection, message.session_id)
        if message.typing:
            session.typists.note(connection.identity)
        else:
            session.typists.drop(connection.identity)
        connection.reply(messages.Accepted(), request_id)

    def _present(self, connection: Connection, name: str | None) -> Session:
        """The session that is meant; what only looks, or stops, makes none."""
        session = self._registry.sessions.get(SessionId(name)) if name else None
        if session is not None:
            return session
        if name is not None:
            raise NotFound("session", name if is_name(name) else "(not a name)")
        return self._session(connection, None)

    def _session(self, connection: Connection, name: str | None) -> Session:
        if name is not None:
            return self._registry.session(name)
        if connection.session is None:
            raise BadRequest("sessionID: needed, the connection has no default session")
        return connection.session
