"""What the server has and has done, as numbers; read when somebody asks, counted nowhere else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TerminalStatistics:
    """Of all sessions and terminals.

    Attributes:
        sessions: Sessions that there are.
        running: Terminals whose programs run.
        opened: Terminals that were started since the server was.
        viewers: Viewers of all terminals.
        output_bytes: Bytes that programs have printed.
        input_bytes: Bytes that were typed, pasted or answered.
    """

    sessions: int
    running: int
    opened: int
    viewers: int
    output_bytes: int
    input_bytes: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the whole server; totals count from its start.

    Attributes:
        version: Its version.
        terminals: Of its sessions and terminals.
        connections: Connections that are open.
        connections_opened: Connections that there were.
        wrong_logins: Tokens, passwords and links that were wrong or refused unseen.
        tasks: What the event loop has begun and not ended.
    """

    version: str
    terminals: TerminalStatistics
    connections: int
    connections_opened: int
    wrong_logins: int
    tasks: int
