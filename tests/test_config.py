"""Settings: what is taken, what is refused, and in which words."""

import ast
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.config import (
    ConfigError,
    Settings,
    build,
    load,
    setting_names,
)
from ptybridge.config.document import DocumentError, parse
from ptybridge.config.settings import fields, value_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ptybridge"

SEED = {
    "transport": {
        "mode": "websocket",
        "websocket": {
            "port": 4096,
            "hostname": "127.0.0.1",
            "ping": {"interval": 30000, "timeout": 10000},
            "reconnect": {"maxAttempts": 5, "delay": 1000},
        },
    }
}
"""The smallest form in which settings are written for this kind of program."""


def nested(name: str, value: object) -> object:
    """``{"a": {"b": value}}`` for ``a.b``."""
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def complaint(values: object) -> str:
    """The one line that refuses ``values``."""
    with pytest.raises(ConfigError) as refusal:
        build(values)
    assert len(refusal.value.lines) == 1
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


# --- what is taken


def test_nothing_at_all_means_the_defaults() -> None:
    assert build(None) == build({}) == Settings()


def test_the_seed_form_is_taken_as_json(tmp_path: Path) -> None:
    settings = load(written(tmp_path, json.dumps(SEED)))
    assert settings == Settings()


def test_values_arrive_where_their_names_say() -> None:
    settings = build(
        {
            "transport": {"websocket": {"port": 0, "reconnect": {"maxAttempts": 0}}},
            "server": {"basePath": "/a/b/"},
            "auth": {"allowedOrigins": ["https://example.org", "http://[::1]:8080"]},
            "terminals": {"command": ["vim", "-R"], "env": {"A": ""}},
        }
    )
    assert settings.transport.websocket.port == 0
    assert settings.transport.websocket.reconnect.max_attempts == 0
    assert settings.server.base_path == "/a/b/"
    assert settings.auth.allowed_origins == ("https://example.org", "http://[::1]:8080")
    assert settings.terminals.command == ("vim", "-R")
    assert settings.terminals.env == {"A": ""}


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().limits.connections = 5  # type: ignore[misc]  # that is the test


def test_every_name_has_a_value() -> None:
    for name in setting_names():
        value_of(Settings(), name)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("transport.websocket.port", 0, 65535),
        ("transport.websocket.ping.interval", 100, 3_600_000),
        ("transport.websocket.ping.timeout", 100, 3_600_000),
        ("transport.websocket.reconnect.maxAttempts", 0, 1_000_000),
        ("transport.websocket.reconnect.delay", 1, 3_600_000),
        ("auth.ticketLifetime", 1_000, 3_600_000),
        ("auth.loginLifetime", 1_000, 10**12),
        ("auth.loginIdle", 1_000, 10**12),
        ("terminals.scrollbackLines", 0, 1_000_000),
        ("terminals.tailBytes", 4096, 1 << 30),
        ("terminals.keepDetached", 0, 10**12),
        ("terminals.idleTimeout", 0, 10**12),
        ("files.maxBytes", 0, 1 << 50),
        ("files.transfers", 1, 1000),
        ("limits.connections", 1, 10**9),
        ("limits.connectionsPerUser", 1, 10**9),
        ("limits.sessions", 1, 10**9),
        ("limits.sessionsPerUser", 1, 10**9),
        ("limits.messages", 500, 10**9),
        ("limits.terminals", 1, 10**9),
        ("limits.terminalsPerUser", 1, 10**9),
        ("limits.messageBytes", 1024, 16 << 20),
        ("limits.inputQueueBytes", 4096, 1 << 30),
        ("limits.handshake", 100, 3_600_000),
        ("limits.loginAttempts", 1, 10**9),
    ],
)
def test_a_number_is_taken_up_to_its_limits_and_not_beyond(name: str, low: int, high: int) -> None:
    for value in (low, high):
        assert value_of(build(nested(name, value)), name) == value
    for value in (low - 1, high + 1, -(10**30), 10**30):
        refusal = complaint(nested(name, value))
        assert refusal.startswith(f"{name}: expected an integer from {low} to {high}, got ")


def test_every_number_is_in_the_table_above() -> None:
    table = test_a_number_is_taken_up_to_its_limits_and_not_beyond.pytestmark  # type: ignore[attr-defined]  # pytest adds it
    numbers = [name for name in setting_names() if type(value_of(Settings(), name)) is int]
    assert [row[0] for row in table[0].args[1]] == numbers


# --- what is refused, and how


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("transport.websocket.port", "abc", 'expected an integer from 0 to 65535, got "abc"'),
        ("transport.websocket.port", True, "expected an integer from 0 to 65535, got true"),
        ("transport.websocket.port", 1.5, "expected an integer from 0 to 65535, got 1.5"),
        ("transport.websocket.port", None, "expected an integer from 0 to 65535, got null"),
        ("transport.websocket.port", [1], "expected an integer from 0 to 65535, got a list"),
        ("transport.websocket.hostname", "", "expected text, got empty text"),
        ("transport.websocket.hostname", 5, "expected text, got a number (text needs quotes)"),
        ("transport.mode", "tcp", 'expected one of direct, sse, websocket, got "tcp"'),
        ("auth.tokenFile", 7, "expected text or null, got a number (text needs quotes)"),
        ("terminals.command", [], "expected a list of text or text or null, got a list"),
        ("terminals.passEnv", ["A", 1], "expected a list of text, got a number in it"),
        ("terminals.passEnv", "LANG", "expected a list of text, got something else"),
        (
            "terminals.env",
            {"A": 1},
            "expected names of environment variables with texts, got a number for A",
        ),
        (
            "terminals.env",
            {"A=": "1"},
            "expected names of environment variables with texts, got a name that cannot be one",
        ),
        (
            "auth.allowedOrigins",
            ["example.org"],
            "expected a list of origins such as https://example.org, "
            "got one with an entry that is none",
        ),
        (
            "server.basePath",
            "terminals",
            "expected a path that begins with a slash, such as /terminals/, got something else",
        ),
        ("terminals.confine.noNewPrivs", "on", "expected true or false, got something else"),
        (
            "terminals.confine.limits.openFiles",
            15,
            "expected an integer from 16 to 1000000000 or null, got 15",
        ),
        ("limits", None, "expected a group of settings, got null"),
        ("limits", [], "expected a group of settings, got a list"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: object, words: str) -> None:
    assert complaint(nested(name, value)) == f"{name}: {words}"


@pytest.mark.parametrize(
    "path", ["", "a", "//", "/a//b", "/a b", "/a?b", "/ä", "/a\n", "/" + "a" * 50 + "!"]
)
def test_a_base_path_that_no_url_has_is_refused(path: str) -> None:
    assert complaint(nested("server.basePath", path)).startswith("server.basePath: expected a path")


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://", "https://a/", "https://a/b", "https://u@a", "ftp://a", "https://a\n"],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    assert complaint(nested("auth.allowedOrigins", [origin]))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("terminals.scrollbackLine", "terminals.scrollbackLines"),
        ("terminal", "terminals"),
        ("terminals.port", "transport.websocket.port"),
        ("port", "transport.websocket.port"),
        ("transport.websocket.ping.intervall", "transport.websocket.ping.interval"),
        ("server.base_path", "server.basePath"),
    ],
)
def test_an_unknown_name_comes_with_what_was_probably_meant(name: str, meant: str) -> None:
    assert complaint(nested(name, 1)) == f"{name}: unknown setting (did you mean {meant}?)"


@pytest.mark.parametrize("name", ["xyzzy", "terminals.xyzzy"])
def test_an_unknown_name_like_no_other_is_just_unknown(name: str) -> None:
    assert complaint(nested(name, 1)) == f"{name}: unknown setting"


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        build({"transport": {"websocket": {"port": "x"}}, "limits": {"sessions": 0, "y": 1}})
    assert [line.split(":")[0] for line in refusal.value.lines] == [
        "transport.websocket.port",
        "limits.sessions",
        "limits.y",
    ]


@pytest.mark.parametrize(
    "name", ["terminals.env", "auth.tokenFile", "responder.openai.apiKeyEnv", "auth.allowedOrigins"]
)
@pytest.mark.parametrize("wrap", [lambda s: [s, 1], lambda s: {"A": s, "B": 1}, lambda s: [[s]]])
def test_what_may_be_a_secret_is_not_quoted(name: str, wrap: "type") -> None:
    assert "hunter2" not in complaint(nested(name, wrap("hunter2")))


def test_a_long_value_is_quoted_in_part() -> None:
    assert len(complaint(nested("logging.level", "x" * 10_000))) < 150


numbers = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def lines_refusing(values: object) -> tuple[str, ...]:
    """All lines that refuse ``values``; none if they are taken."""
    try:
        build(values)
    except ConfigError as refusal:
        return refusal.lines
    return ()


@given(st.sampled_from([*setting_names(), "terminals", "x"]), plain)
def test_any_value_is_taken_or_refused_by_its_name(name: str, value: object) -> None:
    assert all(line.startswith(name) for line in lines_refusing(nested(name, value)))


def test_a_setting_is_read_by_the_program() -> None:
    read = {
        (ast.unparse(node.value).rpartition(".")[2], node.attr)
        for path in PACKAGE.rglob("*.py")
        if PACKAGE / "config" not in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    unread = {name for name in setting_names() if python_name(name) not in read}
    assert unread == set()


def python_name(name: str) -> tuple[str, str]:
    """The last section and the setting, as attributes."""
    section, found = Settings, []
    for part in name.split("."):
        field = fields(section)[part]
        found.append(field.name)
        section = field.type
    return found[-2], found[-1]


# --- files


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("010", "010"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("true", True),
        ("~", None),
        ("", None),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ('"5"', "5"),
    ],
)
def test_a_plain_word_is_what_it_looks_like(text: str, value: object) -> None:
    parsed = parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@given(plain)
def test_json_is_read_as_json(value: object) -> None:
    text = json.dumps(value)
    if "\\u0000" not in text:
        assert parse(text) == json.loads(text)


def test_a_json_key_may_be_longer_than_yaml_allows() -> None:
    text = json.dumps({"a" * 1100: None})
    assert parse(text) == json.loads(text)


def test_json_may_be_indented_with_tabs() -> None:
    assert parse(json.dumps(SEED, indent="\t")) == SEED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits:\n  sessions: 1\n  sessions: 2\n", "limits.sessions: set twice (lines 2 and 3)"),
        (
            '{"limits": {"sessions": 1,\n"sessions": 2}}',
            "limits.sessions: set twice (lines 1 and 2)",
        ),
        ("a: [1", "line 1, column 6: not valid YAML: "),
        ("\tport: 5", "line 1, column 1: not valid YAML: "),
        ("a: *b", "line 1, column 4: not valid YAML: "),
        ("? [1]\n: 2", "line 1, column 3: not valid YAML: "),
        ("a: 1\n---\nb: 2", "line 2, column 1: not valid YAML: "),
        ("!!python/name:os.system x", "line 1, column 1: not valid YAML: "),
        ("a: \x07", "not valid YAML: it holds characters that are not allowed"),
        ('a: "\\0"', "a: holds a NUL, which no setting may"),
        ("[" * 100_000, "nested too deep"),
        ("9" * 5000, "not valid YAML: nested too deep, or too large a number"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        parse(text)
    assert str(refusal.value).startswith(words)
    assert "\n" not in str(refusal.value)


def test_an_alias_of_what_it_stands_in_is_refused() -> None:
    complaint(parse("terminals: &x {env: *x}"))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(DocumentError):
        parse(text)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "limits: {sessions: 0}")
    with pytest.raises(ConfigError) as refusal:
        load(path)
    assert str(refusal.value).startswith(f"{path}: limits.sessions: expected")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere.yaml", "No such file or directory"), (".", "Is a directory")],
)
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot be read: {reason}"):
        load(tmp_path / name)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load(path)


def test_single_settings_lie_on_top_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "limits: {sessions: 3, terminals: 4}\nterminals: {env: {A: b}}")
    settings = load(path, {"limits.sessions": 5, "terminals.env.C": "d"})
    assert (settings.limits.sessions, settings.limits.terminals) == (5, 4)
    assert settings.terminals.env == {"A": "b", "C": "d"}


def test_a_refused_setting_on_top_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "limits: {sessions: 3}")
    with pytest.raises(ConfigError) as refusal:
        load(path, {"limits.sessions": 0})
    assert str(refusal.value).startswith("limits.sessions: expected")


@pytest.mark.parametrize("name", ["limits.sessions.x", "a.b", ".", "limits.", ""])
def test_an_unknown_name_on_top_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"unknown setting|expected"):
        load(None, {"limits.sessions": 3, name: 1})
