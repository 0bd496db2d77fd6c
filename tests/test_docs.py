"""What people can set, send or request is named in the documents, and nothing else is."""

import re
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from ptybridge.adapters.access_store import AccessStore
from ptybridge.adapters.metrics import exposition, families
from ptybridge.config import Settings, build, load, setting_names
from ptybridge.core.access import Access
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.statistics import Statistics, TerminalStatistics
from ptybridge.server.app import make_app
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from tests.fakes import FakeSpawner
from tests.server import WEB_ROOT, by_token

ROOT = Path(__file__).parents[1]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
WIRE = (ROOT / "docs" / "wire.md").read_text()
CONFIG_FILE = ROOT / "config.yaml"


def rows() -> dict[str, str]:
    """The rows of docs/configuration.md's tables, by setting."""
    return {row.split("`")[1]: row for row in CONFIGURATION.splitlines() if row.startswith("| `")}


def names_in(values: object, prefix: str = "") -> list[str]:
    """The full names in a file; a mapping that is a setting's value counts as its value."""
    if not isinstance(values, dict) or prefix.removesuffix(".") in setting_names():
        return [prefix.removesuffix(".")]
    return [name for key, value in values.items() for name in names_in(value, f"{prefix}{key}.")]


def test_config_yaml_names_every_setting_in_order() -> None:
    assert names_in(yaml.safe_load(CONFIG_FILE.read_text())) == setting_names()


def test_config_yaml_holds_the_defaults() -> None:
    assert load(CONFIG_FILE) == Settings()


def test_config_yaml_says_of_every_setting_what_it_does() -> None:
    values = [line for line in CONFIG_FILE.read_text().splitlines() if re.search(r": +[^#]", line)]
    assert len(values) >= len(setting_names())
    assert [line for line in values if "#" not in line] == []


def test_the_settings_page_has_a_row_for_every_setting_in_order() -> None:
    assert list(rows()) == setting_names()


def shown(value: object) -> list[str]:
    """A default as the settings page has it: a list by its items."""
    if isinstance(value, list) and value:
        return [str(item) for item in value]
    words = {None: "null", True: "true", False: "false"}
    return [words[value] if value is None or isinstance(value, bool) else str(value)]


@pytest.mark.parametrize("name", setting_names())
def test_the_settings_page_gives_the_default(name: str) -> None:
    value = yaml.safe_load(CONFIG_FILE.read_text())
    for part in name.split("."):
        value = value[part]
    assert re.findall(r"`([^`]+)`", rows()[name].split("|")[3]) == shown(value)


@pytest.mark.parametrize("name", sorted(CLIENT_MESSAGES.keys() | SERVER_MESSAGES.keys()))
def test_every_message_is_in_the_wire_s_text(name: str) -> None:
    assert f"`{name}`" in WIRE


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_is_in_the_wire_s_text(code: CloseCode) -> None:
    assert re.search(rf"\b{code.value}\b", WIRE)


async def test_every_route_is_in_the_documents() -> None:
    with closing(AccessStore()) as store:
        app = make_app(
            build(None),
            web_root=WEB_ROOT,
            port=4096,
            defaults=TerminalDefaults(("/bin/sh",), None, {}, tail_bytes=4096, keep_detached=0.0),
            authenticator=by_token(store),
            access=Access(store),
            shares=store,
            spawner=FakeSpawner(),
            exposition=exposition,
        )
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert "GET /healthz" in routes
    unknown = [
        route
        for route in routes
        if not re.search(rf"`{re.escape(route)}[`?]", WIRE + OPERATIONS)
        and not route.startswith("GET /static/")
    ]
    assert unknown == []
    assert "`GET /static/...`" in OPERATIONS


def test_every_metric_is_documented() -> None:
    statistics = Statistics("1", TerminalStatistics(0, 0, 0, 0, 0, 0), 0, 0, 0, 0)
    names = {sample.name for family in families(statistics) for sample in family.samples}
    documented = set(re.findall(r"`(ptybridge_[a-z_]+)`", OPERATIONS))
    assert names == documented


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"])
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_shortcut_is_documented_and_means_one_thing() -> None:
    page = (ROOT / "docs/page.md").read_text()
    everywhere: list[str] = []
    for path in sorted((WEB_ROOT / "js").rglob("*.js")):
        keys = re.findall(r'\bkeys: "([^"]+[+][^"]+)"', path.read_text())
        assert [key for key in keys if f"`{key}`" not in page and f"``{key} ``" not in page] == []
        if path.name != "home_page.js":  # shown without a session, whose keys it may share
            everywhere += keys
    assert len(everywhere) > 20
    assert sorted(everywhere) == sorted(set(everywhere))
