"""What is wrong with settings, in words: the full name, what is allowed, and what is there.

What is there is quoted only for numbers and for choices. Any other text may be a secret, or one
that was put in the wrong place.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

import msgspec
from msgspec import inspect

from ptybridge.config.settings import Section, Settings, fields, setting_names

MAX_QUOTED = 40
"""Characters that are quoted of a value."""

_KINDS = {
    bool: "true or false",
    dict: "a group of settings",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "text",
    type(None): "null",
}


def complaints(values: object, section: type[Section] = Settings, path: str = "") -> Iterator[str]:
    """Say what is wrong with plain values, a line for each setting."""
    if not isinstance(values, dict):
        yield f"{path or 'the settings'}: expected a group of settings, got {_kind(values)}"
        return
    known = fields(section)
    for key, value in values.items():
        name = f"{path}.{key}" if path else str(key)
        field = known.get(key)
        if field is None:
            yield _unknown(name, path, known)
        elif isinstance(field.type, type) and issubclass(field.type, Section):
            yield from complaints(value, field.type, name)
        else:
            try:
                msgspec.convert(value, field.type)
            except (msgspec.ValidationError, RecursionError):
                expected = inspect.type_info(field.type)
                yield f"{name}: expected {_expected(expected)}, got {_got(value, expected)}"


def _unknown(name: str, path: str, known: Mapping[str, msgspec.structs.FieldInfo]) -> str:
    """An unknown name, and the one probably meant: that word elsewhere, else one like it."""
    last = name.rpartition(".")[2]
    close = next((full for full in setting_names() if full.rpartition(".")[2] == last), "")
    if not close and (beside := get_close_matches(last, known, 1)):
        close = f"{path}.{beside[0]}".removeprefix(".")
    return f"{name}: unknown setting" + (f" (did you mean {close}?)" if close else "")


def _expected(kind: inspect.Type) -> str:
    """What a type allows, in words."""
    words = "null"
    match kind:
        case inspect.Metadata(extra_json_schema={"description": str(description)}):
            words = description
        case inspect.IntType(ge=low, le=high):
            words = f"an integer from {low} to {high}"
        case inspect.BoolType():
            words = "true or false"
        case inspect.LiteralType(values=choices):
            words = f"one of {', '.join(map(str, choices))}"
        case inspect.VarTupleType(item_type=item):
            words = f"a list of {_expected(item)}"
        case inspect.DictType(key_type=key, value_type=value):
            words = f"{_expected(key)} with {_expected(value)}"
        case inspect.UnionType(types=kinds):
            null_last = sorted(kinds, key=lambda kind: isinstance(kind, inspect.NoneType))
            words = " or ".join(map(_expected, null_last))
        case _:
            assert isinstance(kind, inspect.NoneType), "settings have no other types"
    return words


def _got(value: object, expected: inspect.Type) -> str:
    """What is there, quoted only where it cannot be a secret."""
    words = _kind(value)
    if isinstance(expected, inspect.UnionType):
        numbers = [kind for kind in expected.types if isinstance(kind, inspect.IntType)]
        expected = numbers[0] if numbers else expected
    match expected, value:
        case inspect.IntType() | inspect.LiteralType(), None | bool() | int() | float() | str():
            words = json.dumps(value, ensure_ascii=False)
            if len(words) > MAX_QUOTED:
                words = f"{words[:MAX_QUOTED]}..."
        case inspect.VarTupleType(), list():
            wrong = next((_kind(entry) for entry in value if not isinstance(entry, str)), "")
            words = f"{wrong} in it" if wrong else "one with an entry that is none"
        case inspect.DictType(), dict():
            wrong = next((key for key, entry in value.items() if not isinstance(entry, str)), "")
            words = f"{_kind(value[wrong])} for {wrong}" if wrong else "a name that cannot be one"
        case _, bool() | int() | float():
            words += " (text needs quotes)"
        case _, str() if value:
            words = "something else"
    return words


def _kind(value: object) -> str:
    return "empty text" if value == "" else _KINDS.get(type(value), "something else")
