"""Look the pinned packages up among the known vulnerabilities, as far as the network allows.

What cannot be looked up is said and is no failure: a check must be possible on a train. A known
vulnerability is one.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PINNED = Path(__file__).parents[1] / "constraints.txt"
PATIENCE = 120.0
"""Seconds for all packages."""


def look_up(python: str, pinned: Path) -> list[dict[str, Any]] | str:
    """What pip-audit says of each package, or why it can say nothing."""
    command = (
        python, "-m", "pip_audit", "--requirement", str(pinned), "--no-deps", "--disable-pip",
        "--format", "json", "--progress-spinner", "off", "--timeout", "10",
    )  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE:.0f} seconds"
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["pip-audit said nothing"]
        return lines[-1].rpartition("ERROR:")[2][:120]
    return packages


def report(packages: list[dict[str, Any]] | str) -> tuple[int, list[str]]:
    """The exit code and the lines to print."""
    if isinstance(packages, str):
        return 0, [f"pip-audit: skipped, vulnerabilities cannot be looked up here ({packages})"]
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        return 0, ["pip-audit: skipped, the network here knows nothing of any package"]
    lines = [
        f"pip-audit: {package['name']} {package['version']}: {found['id']}, repaired in "
        f"{', '.join(found['fix_versions']) or 'no version'}"
        for package in known
        for found in package["vulns"]
    ]
    if lines:
        return 1, lines
    missing = len(packages) - len(known)
    left_out = f"; {missing} could not be looked up" if missing else ""
    return 0, [f"pip-audit: no known vulnerability in {len(known)} packages{left_out}"]


def main() -> int:
    """Print what was found; 1 when a package has a known vulnerability."""
    code, lines = report(look_up(sys.executable, PINNED))
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
