"""JSON messages, against the vectors that the page's tests read too."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.wire.messages import (
    CLIENT_MESSAGES,
    SERVER_MESSAGES,
    MalformedRequest,
    decode,
    encode,
)
from tests.test_frames import VECTORS

CANARY = "correct-horse-battery"


@pytest.mark.parametrize("vector", VECTORS["clientMessages"], ids=json.dumps)
def test_a_clients_message_is_read_as_in_the_vectors(vector: dict[str, Any]) -> None:
    request = decode(json.dumps(vector).encode())
    assert request.id == vector.get("id")
    assert type(request.message) is CLIENT_MESSAGES[vector["type"]]
    assert msgspec.to_builtins(request.message) == vector.get("data", {})


@pytest.mark.parametrize("vector", VECTORS["serverMessages"], ids=json.dumps)
def test_a_servers_message_is_written_as_in_the_vectors(vector: dict[str, Any]) -> None:
    message = msgspec.convert(vector.get("data", {}), SERVER_MESSAGES[vector["type"]])
    assert json.loads(encode(message, vector.get("id"))) == vector


def test_the_vectors_hold_every_type_of_message() -> None:
    assert {vector["type"] for vector in VECTORS["clientMessages"]} == set(CLIENT_MESSAGES)
    assert {vector["type"] for vector in VECTORS["serverMessages"]} == set(SERVER_MESSAGES)


@pytest.mark.parametrize("text", VECTORS["malformedMessages"])
def test_a_malformed_message_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest):
        decode(text.encode())


def test_the_id_of_a_refused_message_is_kept_where_it_can_be_read() -> None:
    with pytest.raises(MalformedRequest) as refusal:
        decode(b'{"type": "attach", "data": {}, "id": 7}')
    assert refusal.value.id == 7
    assert "channel" in str(refusal.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(CANARY),
    lambda inner: st.lists(inner) | st.dictionaries(st.just(CANARY) | st.text(), inner),
    max_leaves=8,
)


def refusal_of(text: bytes) -> str:
    try:
        decode(text)
    except MalformedRequest as refusal:
        return str(refusal)
    return ""


@given(st.sampled_from([*CLIENT_MESSAGES, CANARY]), json_values, json_values)
def test_any_json_is_a_message_or_refused_without_quoting_it(
    name: str, data: object, request_id: object
) -> None:
    known = CLIENT_MESSAGES.get(name)
    fields = known.__struct_encode_fields__ if known else ()
    candidates = [data, *({field: data} for field in fields), dict.fromkeys(fields, data)]
    for candidate in candidates:
        text = json.dumps({"type": name, "data": candidate, "id": request_id}).encode()
        assert CANARY not in refusal_of(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode(b"\x00" + data)
    try:
        decode(data)
    except MalformedRequest:
        return


def test_text_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(MalformedRequest):
        decode(b'{"type": "ping", "data": ' + b"[" * 50_000)
