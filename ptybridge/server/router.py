"""The message router: type of message to handler, one table for all transports."""

from collections.abc import Callable
from typing import Any, TypeVar

from ptybridge.core.errors import Unavailable
from ptybridge.server.connection import Connection
from ptybridge.wire.fields import Message
from ptybridge.wire.messages import ClientMessage, Request

M = TypeVar("M", bound=Message)

Handler = Callable[[Connection, M, int | None], None]
"""Serves one type of message: the connection it came on, the message, and its ``id``.

A handler never waits; what has to wait it gives to ``Connection.run``.
"""

Admit = Callable[[Connection, ClientMessage], None]
"""Raises a RequestError for what a connection may not do: ``server.gate``."""


class Router:
    """Each type of message is served by the one handler that was added for it."""

    def __init__(self, admit: Admit = lambda *_: None) -> None:
        """``admit`` decides whether a connection may send a message, before any handler."""
        self._admit = admit
        self._handlers: dict[type[Message], Handler[Any]] = {}

    def add(self, message_type: type[M], handler: Handler[M]) -> None:
        """Serve messages of ``message_type`` by ``handler``.

        Raises:
            ValueError: They have a handler already.
        """
        if message_type in self._handlers:
            raise ValueError(f"{message_type.type} has a handler already")
        self._handlers[message_type] = handler

    @property
    def served(self) -> frozenset[str]:
        """The types of message that have a handler."""
        return frozenset(message_type.type for message_type in self._handlers)

    def dispatch(self, connection: Connection, request: Request) -> None:
        """Hand one request to its handler.

        Raises:
            RequestError: The handler cannot serve it.
        """
        message: ClientMessage = request.message
        handler = self._handlers.get(type(message))
        if handler is None:
            raise Unavailable(f"{message.type} is not served here")
        self._admit(connection, message)
        handler(connection, message, request.id)
