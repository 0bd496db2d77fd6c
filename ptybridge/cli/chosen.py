"""Settings from the command line: a file, and single settings on top."""

import argparse

from ptybridge.config import ConfigError, Settings, load, parse_value


def chosen_settings(arguments: argparse.Namespace) -> Settings:
    """Read what ``--config``, ``--set``, ``--host`` and ``--port`` say.

    Raises:
        ConfigError: It cannot be read or used.
    """
    overrides: dict[str, object] = {}
    for item in arguments.set:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set {name}: write it as NAME=VALUE")
        overrides[name] = parse_value(name, text)
    if getattr(arguments, "host", None) is not None:
        overrides["transport.websocket.hostname"] = arguments.host
    if getattr(arguments, "port", None) is not None:
        name = "transport.websocket.port"
        overrides[name] = parse_value(name, arguments.port)
    return load(arguments.config, overrides)
