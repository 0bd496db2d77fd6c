"""What can go wrong between a client and its server.

``ClientError``
    ``CannotConnect``   no connection came about
        ``Unreachable``   nobody answers; trying again may help
        ``Refused``       the server answers, and does not let this client in
    ``RequestFailed``   the server has refused one request; the connection lives on
    ``LinkBroke``       the connection broke before the reply: whether it was done is not known
    ``ConnectionEnded`` the connection is over for good
    ``InputInDoubt``    typed bytes went down with a connection, and may not have arrived
"""


class ClientError(Exception):
    """The root of all that the client raises on purpose."""


class CannotConnect(ClientError):
    """No connection came about; the text is one line."""


class Unreachable(CannotConnect):
    """Nobody answers at that address, or not as a server of this kind does."""


class UpgradeFailed(Unreachable):
    """Something answers, but WebSocket does not come through."""


class Refused(CannotConnect):
    """The server does not let this client in; trying again does not help.

    Attributes:
        status: The HTTP status: 401, 403, 404 or 421.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class RequestFailed(ClientError):
    """The server could not serve one request.

    Attributes:
        code: One of docs/wire.md section 1, such as ``not-found``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class LinkBroke(ClientError):
    """The connection broke before a reply came: whether the request was served is not known."""


class ConnectionEnded(ClientError):
    """The connection is over, and the client does not come back by itself.

    Attributes:
        code: A close code (docs/wire.md section 6); 1006 where the link just broke.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason or f"the connection has ended ({code})")
        self.code = code


class InputInDoubt(ClientError):
    """A connection broke while typed bytes were on their way: they may not have arrived.

    Attributes:
        count: How many bytes, at the most.
    """

    def __init__(self, count: int) -> None:
        super().__init__(f"the last {count} bytes typed may not have arrived")
        self.count = count
