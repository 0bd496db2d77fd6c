"""Imports point down only, modules have one job and a size, and names say what they hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ptybridge"

BELOW = {
    "wire": set[str](),
    "core": set[str](),
    "config": set[str](),
    "adapters": {"core"},
    "server": {"core", "wire", "config"},
    "client": {"wire"},
    "cli": {"adapters", "client", "config", "core", "server", "wire"},
    "__main__": {"cli"},
}
"""For each layer, those that it may import besides itself."""

IO = {
    "aiohttp", "fcntl", "io", "json", "logging", "multiprocessing", "os", "pathlib", "pty",
    "ptyprocess", "pyghostty", "select", "selectors", "socket", "sqlite3", "ssl", "structlog",
    "subprocess", "termios", "threading", "tty", "uvloop", "yaml",
}  # fmt: skip
"""What the layers that do no input and output know nothing of."""

STRANGERS = {
    "wire": IO | {"asyncio"},
    "core": IO | {"msgspec"},
    "config": {"aiohttp", "asyncio", "uvloop"},
    "adapters": {"aiohttp"},
    "server": {"ptyprocess", "pyghostty", "pty", "sqlite3", "subprocess", "termios"},
    "client": {"pyghostty"},
}
"""What must not be imported, by layer."""

CLIENTS = {"adapters/responders/completions.py": {"aiohttp"}}
"""Modules that may import a stranger after all, to ask others for something, never to serve."""

SERVING = "aiohttp.web"
"""Begins the names of aiohttp's modules for servers: ``web``, ``web_app``, ``web_request``, ..."""

EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "shared", "util", "utils"}

ENDS = {"SystemExit", "exit", "os.abort", "print", "quit", "sys.exit"}

MAX_LINES = 420


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, those inside of functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module is not None
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def layer(name: str) -> str:
    """The layer of a full name inside the package; empty for the package's own names."""
    part = name.split(".")[1]
    return part if part in BELOW else ""


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def violations(path: Path, own: str) -> Iterator[str]:
    """The imports of a module that its layer must not have."""
    inside = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else ""
    allowed = CLIENTS.get(inside, set())
    for line, name in imported(path):
        top = name.split(".")[0]
        if top == "ptybridge":
            target = layer(name)
            if target and target != own and target not in BELOW[own]:
                yield f"{path}:{line}: {own} must not know {target} ({name})"
        elif top in STRANGERS.get(own, set()) | {"tests", "bench"} and not (
            top in allowed and not name.startswith(SERVING)
        ):
            yield f"{path}:{line}: {own} must not know {name}"


def test_every_module_belongs_to_a_layer() -> None:
    layers = {layer_of(path) for path in python_files()} - {"__init__"}
    assert layers <= BELOW.keys()
    assert {"wire", "core", "config", "adapters", "server", "cli"} <= layers


def test_imports_point_down_only() -> None:
    found = [
        violation
        for path in python_files()
        if layer_of(path) != "__init__"
        for violation in violations(path, layer_of(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "own"),
    [
        pytest.param("from ptybridge.server.app import make_app", "core", id="upward"),
        pytest.param("import ptybridge.wire.frames", "core", id="sideways"),
        pytest.param("from ptybridge import cli", "server", id="a-whole-layer"),
        pytest.param("from aiohttp import web", "wire", id="the-network-library"),
        pytest.param("import aiohttp", "adapters", id="the-network-library-without-reason"),
        pytest.param("from aiohttp.web_app import Application", "adapters", id="a-server"),
        pytest.param("def f():\n    import os.path", "core", id="hidden-in-a-function"),
    ],
)
def test_a_forbidden_import_is_found(source: str, own: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(source)
    assert len(list(violations(module, own))) == 1


def test_a_client_of_the_network_library_does_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (client,) = CLIENTS
    module = tmp_path / client
    module.parent.mkdir(parents=True)
    module.write_text("import aiohttp\nfrom aiohttp import web\nimport aiohttp.web_app")
    assert len(list(violations(module, "adapters"))) == 2


@pytest.mark.parametrize("folder", ["ptybridge", "tests", "bench", "tools"])
def test_no_module_has_a_name_that_says_nothing(folder: str) -> None:
    empty = [path for path in (ROOT / folder).rglob("*.py") if path.stem in EMPTY_NAMES]
    assert empty == []


def test_no_module_has_grown_past_its_one_job() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()
    }
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_only_the_command_line_prints_or_ends_the_process() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files()
        if layer_of(path) not in {"cli", "__main__"}
        if path.name != "spawner_process.py"  # a process of its own
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ENDS
    ]
    assert found == []
