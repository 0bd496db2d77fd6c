"""Looking up vulnerabilities fails for what is found, and never for want of a network."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def load() -> Any:
    """The tool, which is no part of a package."""
    specification = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


AUDIT = load()
SOUND = {"name": "a", "version": "1", "vulns": []}
HURT = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ("no network", 0, "skipped, vulnerabilities cannot be looked up here (no network)"),
        ([UNKNOWN], 0, "skipped, the network here knows nothing"),
        ([SOUND], 0, "no known vulnerability in 1 packages"),
        ([SOUND, UNKNOWN], 0, "in 1 packages; 1 could not be looked up"),
        ([SOUND, HURT, UNKNOWN], 1, "b 2: CVE-1, repaired in 2.1"),
    ],
)
def test_only_a_known_vulnerability_fails(packages: Any, code: int, words: str) -> None:
    found, lines = AUDIT.report(packages)
    assert found == code
    assert words in "\n".join(lines)


def test_a_pip_audit_that_cannot_run_is_a_reason(tmp_path: Path) -> None:
    said = AUDIT.look_up(sys.executable, tmp_path / "missing.txt")
    assert isinstance(said, str)
    assert said
    assert AUDIT.report(said)[0] == 0
