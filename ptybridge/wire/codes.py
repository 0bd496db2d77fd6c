"""Close codes of the connection: docs/wire.md, "Liveness and closing"."""

import enum


class CloseCode(enum.IntEnum):
    """Why a connection ends; which of them a client may come back after is in docs/wire.md."""

    DONE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_TEXT = 1007
    DENIED = 1008
    TOO_LARGE = 1009
    INTERNAL = 1011
    RESTART = 1012
    OVER_LIMIT = 1013
    ENDED = 4001
    REMOVED = 4002
