"""Text to plain values: YAML without its traps, and JSON.

The traps are YAML 1.1's: ``off`` and ``no`` are not words but false, ``010`` is 8, ``12:30`` is
750, and of a key that stands twice the last one wins. Here words are words and numbers decimal, as
in YAML 1.2's core schema (section 10.3.2), and a key that stands twice is refused.
"""

import json
import re
from contextlib import suppress

import yaml


class DocumentError(Exception):
    """The text cannot be read; the message is one line that says where and why."""


class _NotYamlError(DocumentError):
    """It is no YAML at all."""


class _Loader(yaml.SafeLoader):
    """Plain scalars are null, true, false, numbers and text, and nothing else."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's way of declaring them


for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


def parse(text: str) -> object:
    """Read YAML or JSON.

    Raises:
        DocumentError: It is neither, or a key stands twice.
    """
    try:
        values = json.loads(text)
    except ValueError:
        return _parse_yaml(text)
    except RecursionError as error:
        raise DocumentError("nested too deep") from error
    # JSON is YAML but for tabs, for characters written as two \u escapes, and for keys of more
    # than 1,024 characters: those are not looked at for what stands twice, and are no settings.
    with suppress(_NotYamlError):
        _parse_yaml(text.replace("\t", " "))
    return values


def _parse_yaml(text: str) -> object:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _check(node, "", [])
        return None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _NotYamlError(f"{place}not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise DocumentError("not valid YAML: it holds characters that are not allowed") from error
    except (RecursionError, ValueError) as error:  # ValueError: digits without end
        raise DocumentError("not valid YAML: nested too deep, or too large a number") from error


def _check(node: yaml.Node | None, path: str, above: list[yaml.Node]) -> None:
    """Refuse keys that stand twice, and NUL; ``above`` stops at an alias of what it stands in."""
    if node in above:
        return
    if isinstance(node, yaml.ScalarNode) and "\x00" in node.value:
        raise DocumentError(f"{path}: holds a NUL, which no setting may")
    inside = [*above, node] if node else above
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _check(item, f"{path}[{index}]", inside)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = f"{path}.{key.value}".removeprefix(".")
            line = key.start_mark.line + 1
            if name in lines:
                raise DocumentError(f"{name}: set twice (lines {lines[name]} and {line})")
            lines[name] = line
            _check(value, name, inside)
