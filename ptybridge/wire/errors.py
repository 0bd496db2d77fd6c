"""How a peer breaks the contract of the wire."""


class MalformedMessage(Exception):
    """One message or frame makes no sense; the sender is told, the connection goes on.

    The text names the field and the rule and never quotes what the peer sent.
    """


class ProtocolViolation(Exception):
    """The peer broke the WebSocket protocol; the connection closes.

    Attributes:
        code: The close code (RFC 6455 section 7.4.1).
        reason: A short text for the close frame.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code
        self.reason = reason
