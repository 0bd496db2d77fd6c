"""The session channel's parts, by the settings: who answers prompts, and what is kept where."""

import os
from pathlib import Path

import structlog

from ptybridge.adapters.responders.command import CommandResponder
from ptybridge.adapters.responders.shell import ShellResponder
from ptybridge.adapters.store import SqliteStore, StoreError
from ptybridge.cli.preparation import ServeError, login_shell
from ptybridge.config import Settings
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.responder import Responder

_log = structlog.get_logger(__name__)


def responder_of(settings: Settings, defaults: TerminalDefaults) -> Responder | None:
    """Who answers prompts; None where nobody does.

    Raises:
        ServeError: The settings name none that can be had.
    """
    responder = settings.responder
    match responder.kind:
        case "none":
            return None
        case "shell":
            return ShellResponder(login_shell(), env=defaults.env, cwd=defaults.cwd)
        case "command":
            if responder.command is None:
                raise ServeError("responder.command: needed where responder.kind is command")
            argv = (responder.command,) if isinstance(responder.command, str) else responder.command
            return CommandResponder(argv, env=defaults.env, cwd=defaults.cwd)
        case _:
            raise ServeError(
                "responder.kind: openai is not available in this version; choose another"
            )


def open_store(settings: Settings, state: Path) -> SqliteStore:
    """What keeps sessions and messages, in the state directory unless the settings say where.

    Raises:
        ServeError: It cannot be used.
    """
    chosen = settings.store.path
    path = Path(os.path.expanduser(chosen)) if chosen else state / "ptybridge.db"
    try:
        return SqliteStore(path, on_trouble=lambda reason: _log.error("not kept", reason=reason))
    except StoreError as error:
        raise ServeError(str(error)) from error
