"""A key's form: its checksum tells a whole key from one cut short, without a database."""

import pytest

from app.keys import tokens

# The random part and checksum of the sample that GitHub published with its format.
GITHUB_RANDOM, GITHUB_CHECKSUM = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"


def test_checksum_is_githubs():
    assert tokens.checksum(GITHUB_RANDOM) == GITHUB_CHECKSUM


def test_new_key_has_the_documented_form():
    token = tokens.generate("pst", "live")

    assert token.secret.startswith("pst_live_")
    assert len(token.secret) == len("pst_live_") + 36
    assert tokens.is_complete(token.secret)
    assert token.secret.startswith(token.prefix)
    assert len(token.prefix) == len("pst_live_") + 8
    assert token.secret.endswith(token.last_four)


def test_new_keys_differ():
    assert len({tokens.generate("pst", "test").secret for _ in range(100)}) == 100


@pytest.mark.parametrize("cut", [1, 4, 6, 20])
def test_a_key_cut_short_is_not_complete(cut):
    secret = tokens.generate("pst", "live").secret

    assert not tokens.is_complete(secret[:-cut])
    assert tokens.prefix_of(secret[:-cut]) == secret[:17]


def test_a_mistyped_key_is_not_complete():
    secret = tokens.generate("pst", "live").secret
    other = "a" if secret[12] != "a" else "b"

    assert not tokens.is_complete(secret[:12] + other + secret[13:])


@pytest.mark.parametrize("text", ["", "pst_live_", "hello", "pst_prod_" + "a" * 36, "pst_live_" + "é" * 36, "x" * 5000])
def test_other_text_is_no_key(text):
    assert not tokens.is_complete(text)
    assert tokens.prefix_of(text) == ""
