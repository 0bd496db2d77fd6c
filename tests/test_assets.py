"""The page's files: hashed together, complete, light, and with no word of another host."""

import re
import tomllib
from pathlib import Path

import pytest

from ptybridge.server.assets import Assets
from ptybridge.server.routes import NAMED_FILES
from tests.server import WEB_ROOT

PAGES = ("index.html", "embed.html")

MAX_WEIGHT = 1_200_000
"""Bytes of all that a fresh page loads, before compression."""


def page_in(folder: Path, **files: str) -> Path:
    """A page's folder with these files; ``js__a`` is ``js/a.js``."""
    for name, text in {"index": "<html><head>\n  </head></html>", **files}.items():
        path = folder / f"{name.replace('__', '/')}.{'js' if '__' in name else 'html'}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def addresses_in(html: str) -> set[str]:
    """What the elements of a page load."""
    return set(re.findall(r'(?:href|src)="(static/[^"]+)"', html))


def test_another_file_makes_another_version(tmp_path: Path) -> None:
    one = Assets(page_in(tmp_path, js__a="1"))
    assert Assets(tmp_path).version == one.version
    assert Assets(page_in(tmp_path, js__a="2")).version != one.version
    assert Assets(page_in(tmp_path, js__a="1", js__b="")).version != one.version
    again = Assets(page_in(tmp_path, index="<html><head>\n  </head> </html>", js__a="1"))
    assert again.version != one.version


def test_a_file_has_its_name_in_its_version_only(tmp_path: Path) -> None:
    assets = Assets(page_in(tmp_path, js__a="1"))
    found = assets.static(assets.version, "js/a.js")
    assert found is not None
    assert found.body == b"1"
    assert found.content_type == "text/javascript; charset=utf-8"
    for version, name in (
        ("0" * 16, "js/a.js"),
        (assets.version, "js/b.js"),
        (assets.version, "index.html"),
        (assets.version, "js/../js/a.js"),
        (assets.version, "/js/a.js"),
    ):
        assert assets.static(version, name) is None


def test_the_modules_of_a_page_are_those_that_its_scripts_import(tmp_path: Path) -> None:
    page_in(
        tmp_path,
        index=(
            '<html lang="en">\n  <head>\n'
            '    <script type="module" src="static/js/a.js"></script>\n  </head>\n</html>'
        ),
        js__a='import {\n  b,\n  c,\n} from "./b.js";\nimport "./c.js";\nb(import("./late.js"));',
        js__b='/** @typedef {import("./typed.js").T} T */\nexport { d } from "./d.js";\n',
        js__c='// import { x } from "./never.js";\nimport { a } from "./a.js";\n',
        js__d='export const s = "import";\n',
        js__late="",
        js__typed="",
        js__never="",
    )
    assets = Assets(tmp_path)
    assert sorted(assets.modules("js/a.js")) == ["js/a.js", "js/b.js", "js/c.js", "js/d.js"]
    html = assets.page("index.html").body.decode()
    preloaded = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', html))
    assert preloaded == {f"static/{assets.version}/js/{name}.js" for name in "bcd"}


def test_a_page_for_a_deeper_address_finds_its_files_from_there(tmp_path: Path) -> None:
    assets = Assets(page_in(tmp_path))
    assert b"<base" not in assets.page("index.html").body
    deep = assets.page("index.html", depth=3, attribute='data-embed="x"').body
    assert b'<head>\n    <base href="../../../">' in deep
    assert deep.startswith(b'<html data-embed="x">')


def test_a_page_has_its_style_inside_and_names_what_it_asks_for_later(tmp_path: Path) -> None:
    page_in(
        tmp_path,
        index=(
            '<html lang="en">\n  <head>\n    <link rel="stylesheet" href="static/css/a.css">\n'
            '    <link rel="modulepreload" href="static/js/a.js">\n  </head>\n</html>'
        ),
        js__a='import "./b.js";',
        js__b="",
    )
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("p { background: url(../img/i.svg) } b { top: 0 }")
    assets = Assets(tmp_path)
    html = assets.page("index.html").body.decode()
    url = f'url("static/{assets.version}/img/i.svg")'
    assert f"<style>p {{ background: {url} }} b {{ top: 0 }}</style>" in html
    assert html.count("modulepreload") == 2
    assert f'href="static/{assets.version}/js/b.js"' in html


async def test_what_compression_makes_smaller_is_compressed_once(tmp_path: Path) -> None:
    page_in(tmp_path, js__long="x" * 1000, js__short="1")
    assets = Assets(tmp_path)
    long, short = (assets.static(assets.version, f"js/{name}.js") for name in ("long", "short"))
    assert long is not None
    assert short is not None
    gzipped = await long.gzipped()
    assert gzipped is not None
    assert gzipped[:2] == b"\x1f\x8b"
    assert await long.gzipped() is gzipped
    assert await short.gzipped() is None


# --- the page as it is


@pytest.fixture(scope="module")
def assets() -> Assets:
    return Assets(WEB_ROOT)


@pytest.mark.parametrize("page", [*PAGES, *NAMED_FILES])
def test_all_that_a_page_names_is_there(page: str, assets: Assets) -> None:
    file = assets.page(page) if page in PAGES else assets.named(page)
    named = re.findall(rf'static/{assets.version}/([^"`]+)["`]', file.body.decode())
    if page == "sw.js":
        named = re.findall(r"\$\{STATIC\}([^`]+)`", file.body.decode())
        assert f'"static/{assets.version}/"' in file.body.decode()
    assert len(named) >= 3
    assert [name for name in named if assets.static(assets.version, name) is None] == []


def test_every_import_of_every_module_leads_to_a_file(assets: Assets) -> None:
    for path in (WEB_ROOT / "js").rglob("*.js"):
        for target in re.findall(r'(?:from|import\(|import)\s*"(\.[^"]+)"', path.read_text()):
            assert (path.parent / target).resolve().is_file(), f"{path}: {target}"


@pytest.mark.parametrize("page", PAGES)
def test_a_fresh_page_is_light(page: str, assets: Assets) -> None:
    html = assets.page(page).body.decode()
    weight = len(html)
    for address in addresses_in(html):
        file = assets.static(assets.version, address.split("/", 2)[2])
        assert file is not None
        weight += len(file.body)
    assert weight < MAX_WEIGHT


def test_no_file_names_another_host_to_load_from() -> None:
    """XML namespaces and links for people to follow load nothing."""
    loads = re.compile(
        r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//"""
        r"""|(?:import|from|fetch|importScripts|WebSocket|EventSource)\s*\(?\s*["'`](?:http|ws|//)"""
        r"""|@import""",
        re.IGNORECASE,
    )
    served = [
        path
        for pattern in ("*.html", "*.js", "js/**/*", "css/**/*", "vendor/**/*.[mc]*s*", "img/*.svg")
        for path in WEB_ROOT.glob(pattern)
        if path.suffix in {".html", ".js", ".mjs", ".css", ".svg"}
    ]
    assert len(served) > 30
    assert [path for path in served if loads.search(path.read_text())] == []


def test_an_installed_package_has_all_of_the_page(assets: Assets) -> None:
    project = tomllib.loads((WEB_ROOT.parent / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    needed = {*PAGES, *NAMED_FILES, "js", "css", "img", "vendor"}
    assert {name.removeprefix("web/") for name in included if name.startswith("web/")} == needed
