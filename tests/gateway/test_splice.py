"""A receipt goes into an answer, and nothing else in it changes by a byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateway import splice, sse

RECEIPT = "rcp_1.a.b.c.d"

BODIES = [
    '{"jsonrpc":"2.0","id":7,"result":{"content":[]}}',
    '{"jsonrpc":"2.0","id":7,"result":{}}',
    ' {\n "jsonrpc": "2.0",\n "id": "a",\n "result": { }\n}\n',
    '{"result":{"a":1.0e5,"b":12345678901234567890,"a2":1.10},"id":-1,"jsonrpc":"2.0"}',
    '{"id":null,"jsonrpc":"2.0","result":{"content":[{"_meta":{"x":1}}]}}',
    '{"other":{"result":{"a":2}},"jsonrpc":"2.0","result":{"a":1}}',
    '{"jsonrpc":"2.0","id":"a\\"b","result":{"text":"é\\u00e9"}}',
]


def spliced(body):
    change = splice.edit(body, RECEIPT)
    return None if change is None else change.of(body)


@pytest.mark.parametrize("text", BODIES)
def test_it_is_the_first_thing_in_the_result(text):
    body = text.encode()

    got = spliced(body)

    assert (
        got.replace(b'"_meta":{"postern/receipt":"rcp_1.a.b.c.d"},', b"").replace(
            b'"_meta":{"postern/receipt":"rcp_1.a.b.c.d"}', b""
        )
        == body
    )
    was = json.loads(body)
    assert json.loads(got) == {**was, "result": {"_meta": {splice.META_KEY: RECEIPT}, **was["result"]}}


def test_it_joins_what_is_there_already():
    body = b'{"jsonrpc":"2.0","id":7,"result":{"content":[], "_meta" : {"a":1.00, "b":[1]},"z":1}}'

    assert spliced(body) == (
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[], "_meta" : '
        b'{"postern/receipt":"rcp_1.a.b.c.d","a":1.00,"b":[1]},"z":1}}'
    )


@pytest.mark.parametrize("key", ["postern/receipt", "postern\\/receipt", "\\u0070ostern/receipt"])
def test_what_an_integration_calls_a_receipt_is_taken_out(key):
    body = f'{{"jsonrpc":"2.0","id":7,"result":{{"_meta":{{"{key}":"rcp_forged","a":1}}}}}}'.encode()

    assert json.loads(spliced(body))["result"]["_meta"] == {"postern/receipt": RECEIPT, "a": 1}
    assert b"forged" not in spliced(body)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"jsonrpc":"2.0","id":7,"result":{}}]',
        b'{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"_meta":null}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"_meta":7}}',
        b'{"x":{"result":{}},"result":{},"_meta":1}',
        b'{"jsonrpc":"2.0","id":7,"result":',
        b"",
    ],
)
def test_what_cannot_be_done_safely_is_left_alone(body):
    assert spliced(body) is None


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
    st.permutations(["jsonrpc", "id", "result"]),
    st.booleans(),
)
def test_any_result_keeps_all_that_it_said(result, order, is_spaced):
    message = {"jsonrpc": "2.0", "id": 7, "result": result}
    text = json.dumps({name: message[name] for name in order}, separators=None if is_spaced else (",", ":"))

    got = spliced(text.encode())

    if got is not None:
        said = json.loads(got)["result"]
        assert said.pop("_meta")["postern/receipt"] == RECEIPT
        assert said == {name: value for name, value in result.items() if name != "_meta"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            b'event: message\nid: 4\ndata: {"jsonrpc":"2.0","id":7,"result":{"a":1}}\n\n',
            b'event: message\nid: 4\ndata: {"jsonrpc":"2.0","id":7,"result":{"_meta":{"postern/receipt":"r"},'
            b'"a":1}}\n\n',
        ),
        (
            b'data:{"jsonrpc":"2.0",\r\n: a comment\r\ndata: "id":7,\r\ndata:"result":{\r\ndata:"a":1}}\r\n\r\n',
            b'data:{"jsonrpc":"2.0",\r\n: a comment\r\ndata: "id":7,\r\n'
            b'data:"result":{"_meta":{"postern/receipt":"r"},\r\ndata:"a":1}}\r\n\r\n',
        ),
        (
            b'data: {"result":{"_meta":{"b":1}}}\r\r',
            b'data: {"result":{"_meta":{"postern/receipt":"r","b":1}}}\r\r',
        ),
    ],
)
def test_events_keep_their_lines(event, expected):
    got = splice.in_event(event, "r")

    assert got == expected
    assert json.loads(sse.data_of(got))["result"]["_meta"]["postern/receipt"] == "r"


def test_meta_over_several_lines_is_left_alone():
    assert splice.in_event(b'data: {"result":{"_meta":{\ndata: "b":1}}}\n\n', "r") is None
