"""One value has one digest however it is spelled, two values never share one, and doubtful JSON is refused."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.integrations import canonical

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def digest(text):
    return canonical.digest(canonical.parse(text.encode()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":2}', '{ "b" : 2,\n"a" : 1 }'),
        ('"\\u0041\\u00e9\\/"', '"Aé/"'),
        ('"\\ud83d\\ude00"', '"😀"'),
        ("1", "1.0"),
        ("100", "1e2"),
        ("100", "1E+2"),
        ("0", "-0.0"),
        ("0.5", "5e-1"),
        ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
        ("1e-9", "0.000000001"),
    ],
)
def test_two_spellings_of_one_value_have_one_digest(one, other):
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", '"1"'),
        ("1", "true"),
        ("0", "false"),
        ("null", '""'),
        ("9007199254740992", "9007199254740993"),
        ("0.1", "0.1000000000000000055511151231257827"),
        ("[1,2]", "[2,1]"),
        ('{"a":null}', "{}"),
        ('"é"', '"e\\u0301"'),
        ('"\\ud800"', '"\\\\ud800"'),
        ("1e400", "1e401"),
        ("-1", "1"),
    ],
)
def test_two_values_never_share_a_digest(one, other):
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"a","name":"b"}',
        '{"a":{"b":1,"\\u0062":2}}',
        "NaN",
        "[Infinity]",
        "{",
        "",
        "1e99999999999999999999999",
        "[" * 100 + "]" * 100,
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_doubtful_json_is_refused(text):
    with pytest.raises(Invalid):
        canonical.parse(text.encode())


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(Invalid):
        canonical.parse(b'"\xff"')


@pytest.mark.parametrize(
    ("spelled", "written"),
    [("1.50", "1.5"), ("12e3", "12000"), ("1e30", "1e+30"), ("-0.00001", "-0.00001"), ("1.25e-8", "1.25e-8")],
)
def test_numbers_are_written_in_one_way(spelled, written):
    assert canonical.text(canonical.parse(spelled.encode())) == written


def test_a_huge_exponent_takes_no_space():
    assert len(canonical.text(canonical.parse(b"1e999999999"))) < 20


def test_what_is_kept_has_the_order_in_which_it_came():
    assert canonical.text(canonical.parse(b'{"b": [1, {"z": 1, "y": 2}], "a": 2}')) == '{"b":[1,{"z":1,"y":2}],"a":2}'


@given(VALUES)
def test_what_is_written_reads_as_the_same(value):
    spelled = json.dumps(value)
    parsed = canonical.parse(spelled.encode())

    written = canonical.text(parsed)

    assert canonical.digest(canonical.parse(written.encode())) == canonical.digest(parsed)
    assert same(json.loads(written), value)


def test_lines_are_sorted_and_show_what_cannot_be_seen():
    value = canonical.parse('{"b": [], "a": {"text": "a\u200bb\\n"}, "c": [1, 2.50]}'.encode())

    assert canonical.lines(value) == [
        "{",
        '  "a": {',
        '    "text": "a\\u200bb\\n"',
        "  },",
        '  "b": [],',
        '  "c": [',
        "    1,",
        "    2.5",
        "  ]",
        "}",
    ]


def same(found, expected):
    """Equal, with floats as they are after a journey through text."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12) or Decimal(found) == Decimal(expected)
    return found == expected
