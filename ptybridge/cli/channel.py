"""The session channel's parts, by the settings: who answers prompts, and what is kept where."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.responders.command import CommandResponder
from ptybridge.adapters.responders.shell import ShellResponder
from ptybridge.adapters.store import SqliteStore, StoreError
from ptybridge.cli.preparation import ServeError, login_shell
from ptybridge.config import Settings
from ptybridge.config.settings import OpenAI
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.responder import Responder

if TYPE_CHECKING:
    from ptybridge.adapters.responders.completions import Endpoint

MAX_KEY_CHARACTERS = 4096
"""A longer key is a mistake."""

_log = structlog.get_logger(__name__)


def responder_of(
    settings: Settings, defaults: TerminalDefaults, confinement: Confinement | None = None
) -> Responder | None:
    """Who answers prompts; None where nobody does.

    What people or a model ask for runs within ``confinement``, as if it were typed in a terminal;
    a program that the operator names is the operator's.

    Raises:
        ServeError: The settings name none that can be had.
    """
    responder = settings.responder
    match responder.kind:
        case "none":
            return None
        case "shell":
            return ShellResponder(
                login_shell(), env=defaults.env, cwd=defaults.cwd, confinement=confinement
            )
        case "command":
            if responder.command is None:
                raise ServeError("responder.command: needed where responder.kind is command")
            argv = (responder.command,) if isinstance(responder.command, str) else responder.command
            return CommandResponder(argv, env=defaults.env, cwd=defaults.cwd)
        case "openai":
            # Imported by need: only who uses it pays for the client's library.
            from ptybridge.adapters.responders.openai import OpenAIResponder  # noqa: PLC0415

            return OpenAIResponder(
                _endpoint(responder.openai),
                shell=login_shell(),
                env=defaults.env,
                cwd=defaults.cwd,
                needs_approval=responder.approve != "never",
                confinement=confinement,
            )


def _endpoint(openai: OpenAI) -> "Endpoint":
    """The endpoint with its key.

    Raises:
        ServeError: One of them is missing, or cannot be used.
    """
    from ptybridge.adapters.responders.completions import Endpoint  # noqa: PLC0415

    for name, value in (("baseURL", openai.base_url), ("model", openai.model)):
        if value is None:
            raise ServeError(f"responder.openai.{name}: needed where responder.kind is openai")
    assert openai.base_url is not None
    assert openai.model is not None
    try:
        return Endpoint(openai.base_url, model=openai.model, key=_key(openai.api_key_env))
    except ValueError as error:
        raise ServeError(f"responder.openai.baseURL: {error}") from error


def _key(variable: str) -> str:
    """The key that a variable holds, or the file that ``variable`` with ``_FILE`` added names.

    Raises:
        ServeError: There is none, or none that can be sent; the text does not hold it.
    """
    if path := os.environ.get(f"{variable}_FILE"):
        source = f"{variable}_FILE"
        try:
            with open(path, encoding="ascii") as file:
                key = file.read(MAX_KEY_CHARACTERS + 1).strip()
        except OSError as error:
            raise ServeError(f"{source}: {path} cannot be read ({error.strerror})") from error
        except UnicodeError:
            raise ServeError(f"{source}: {path} holds no usable key") from None
    else:
        source = variable
        key = os.environ.get(variable, "").strip()
        if not key:
            raise ServeError(
                f"responder.openai.apiKeyEnv: {variable} is not set; it holds the key, "
                f"or {variable}_FILE names its file"
            )
    usable = key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY_CHARACTERS
    if not usable or " " in key:
        raise ServeError(f"{source}: holds no usable key")
    return key


def chosen_store_files(settings: Settings) -> list[Path]:
    """The database that the settings name, and the files that SQLite keeps beside it.

    Those that are missing are made, empty, as SQLite takes them: a sandbox hides what is there
    when the server starts.
    """
    if settings.store.path is None:
        return []
    path = os.path.expanduser(settings.store.path)
    files = [Path(path + end) for end in ("", "-wal", "-shm")]
    for file in files:
        with suppress(OSError):  # opening the store says why it cannot be
            file.touch(mode=0o600)
    return files


def open_store(settings: Settings, state: Path) -> SqliteStore:
    """What keeps sessions and messages, in the state directory unless the settings say where.

    Raises:
        ServeError: It cannot be used.
    """
    chosen = settings.store.path
    path = Path(os.path.expanduser(chosen)) if chosen else state / "ptybridge.db"
    try:
        store = SqliteStore(
            path,
            on_trouble=lambda reason: _log.error("not kept", reason=reason),
            max_messages=settings.limits.messages,
        )
    except StoreError as error:
        raise ServeError(str(error)) from error
    if not store.is_alone:
        _log.warning(
            "another server writes to the same store, and messages of one replace the other's; "
            "give one of them another state directory (PTYBRIDGE_STATE_DIR) or store.path",
            path=str(path),
        )
    return store
