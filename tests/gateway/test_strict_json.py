import json
from time import thread_time

import pytest

from app.gateway import strict_json
from app.gateway.errors import Refused


def nested(depth):
    return b"[" * depth + b"]" * depth


def seconds_of(work):
    """What `work` takes of the processor at best, as Python may clear up meanwhile."""
    return min(_once(work) for _ in range(3))


def _once(work):
    began = thread_time()
    work()
    return thread_time() - began


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
        b'{"a:b":":","c":"\\":\\"\\\\"}',
        b'[1,2.5,-1e3,"x",null,true]',
        b'{"\\u0061b":1,"ab\\u0063":2}',
        b'{"a":"\\ud83d\\ude00"}',
        nested(64),
        b"123456789012345678901234567890",
    ],
)
def test_ordinary_json_is_read(text):
    assert strict_json.decode(text, max_depth=64) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"nope",
        b"{} {}",
        b'{"a":1,}',
        b"NaN",
        b'{"a":Infinity}',
        b"[1e999]",
        b"[" + b"9" * 5_000 + b"]",
        b'{"a":"\xff"}',
        b'{"\xed\xa0\x80":1}',
        b'"\\ud800"',
        b'"\\udc00x"',
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":[{"y":{"k":1,"k":2}}]}',
        b'{"a:":1,"b":":","b":2}',
        nested(65),
        nested(100_000),
        b'{"a":' * 100_000,
        b"[" + b"[]," * 1_300_000 + b"[]]",
    ],
)
def test_what_two_readers_could_read_differently_is_refused_quickly(text):
    def refused():
        with pytest.raises(Refused) as refused:
            strict_json.decode(text, max_depth=64)
        assert refused.value.status == 400

    assert seconds_of(refused) < 0.1


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * 99_000 + b"[]]",
        b'{"x":"' + b"\\\\" * 2_000_000 + b'"}',
        b'{"x":"' + b":" * 4_000_000 + b'"}',
        b'{"x":"' + b"[" * 4_000_000 + b'"}',
        b'{"x":[' + b'":",' * 1_000_000 + b"1]}",
    ],
    ids=["lists", "backslashes", "colons", "brackets", "strings"],
)
def test_the_largest_bodies_take_well_under_a_second(text):
    assert seconds_of(lambda: strict_json.decode(text, max_depth=64)) < 1
