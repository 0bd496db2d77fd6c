"""The environment of a child: clean, and the same wherever the server was started from."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

TERMINAL_ENV = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
"""What the page's emulator is, in the words that programs look for."""

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked up when no ``PATH`` is passed on (environ(7))."""


def child_environment(
    parent: Mapping[str, str], *, passed: Iterable[str], added: Mapping[str, str]
) -> dict[str, str]:
    """Build a child's whole environment.

    Args:
        parent: The server's own.
        passed: Names, or patterns such as ``LC_*``, of what is taken over from there.
        added: What is set on top of all.

    >>> child_environment({"LC_ALL": "C", "SECRET": "x"}, passed=["LC_*"], added={})["LC_ALL"]
    'C'
    """
    patterns = tuple(passed)
    environment = {
        name: value
        for name, value in parent.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    environment.setdefault("PATH", DEFAULT_PATH)
    return {**environment, **TERMINAL_ENV, **added}
