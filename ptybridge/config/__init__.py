"""The settings: a file in YAML or JSON to typed, validated, frozen values.

They are read once, by the command line; each part of the program is given its section.
"""

import copy
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ptybridge.config.document import DocumentError, parse
from ptybridge.config.settings import (
    Auth,
    Files,
    LimitSettings,
    Logging,
    Ping,
    ProcessLimits,
    Reconnect,
    Responder,
    Server,
    Settings,
    Store,
    Terminals,
    Transport,
    WebSocketSettings,
    setting_names,
)

__all__ = [
    "Auth",
    "ConfigError",
    "Files",
    "LimitSettings",
    "Logging",
    "Ping",
    "ProcessLimits",
    "Reconnect",
    "Responder",
    "Server",
    "Settings",
    "Store",
    "Terminals",
    "Transport",
    "WebSocketSettings",
    "build",
    "load",
    "parse_value",
    "setting_names",
]


class ConfigError(Exception):
    """The settings cannot be used.

    Attributes:
        lines: What is wrong: a line for each problem, with the setting's full name.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def build(values: object) -> Settings:
    """Check plain values and make settings of them; None stands for an empty file.

    Raises:
        ConfigError: Some are unknown, ill-typed, or out of range.
    """
    values = {} if values is None else values
    try:
        return msgspec.convert(values, Settings)
    except (msgspec.ValidationError, RecursionError) as error:
        # Imported by need: a start in which all is well does not wait for it.
        from ptybridge.config.complaint import complaints  # noqa: PLC0415

        lines = list(complaints(values))
        assert lines, "what msgspec refuses as a whole it refuses in part"
        raise ConfigError(*lines) from error


def parse_value(name: str, text: str) -> object:
    """Read one setting's value as it would stand in a file.

    Raises:
        ConfigError: It is not YAML.
    """
    try:
        return parse(text)
    except DocumentError as error:
        raise ConfigError(f"{name}: {error}") from error


def _merged(values: object, overrides: Mapping[str, object]) -> object:
    """A copy of a file's values with others, by full name, on top."""
    merged = copy.deepcopy(values) if isinstance(values, dict) else {}
    for name, value in overrides.items():
        *sections, last = name.split(".")
        place = merged
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{name}: unknown setting")
        place[last] = value
    return merged


def load(path: Path | None, overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the settings from a file, or the defaults, with ``overrides`` by full name on top.

    Raises:
        ConfigError: The file cannot be read, or something in it or on top cannot be used.
    """
    values: object = None
    if path is not None:
        try:
            values = parse(path.read_text(encoding="utf-8-sig"))
            build(values)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: cannot be read: it is not UTF-8") from error
        except DocumentError as error:
            raise ConfigError(f"{path}: {error}") from error
        except ConfigError as error:
            raise ConfigError(*(f"{path}: {line}" for line in error.lines)) from error
    return build(_merged(values, overrides or {}))
