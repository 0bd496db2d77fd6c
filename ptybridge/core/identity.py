"""Who somebody is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody the server knows.

    Attributes:
        id: A stable name, unique on this server.
        name: What others are shown.
    """

    id: str
    name: str
