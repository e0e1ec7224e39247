"""Receipts prove themselves offline, alone and in groups, and nothing that was altered does."""

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.metering import merkle, receipts, signing
from app.metering.entry import Month
from app.metering.receipts import NotAReceipt
from app.metering.signing import Signer
from tests.metering.recording import row

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
SIGNER = Signer(signing.id_of(PUBLIC), PRIVATE)
KEYS = {SIGNER.key_id: PUBLIC}


def signed(*rows, **more):
    said = {"month": Month(17, 4_250_000_000), "left_nanos": 99, **more}
    return receipts.sign([(one["id"], receipts.payload(one, **said)) for one in rows], SIGNER)


def test_a_receipt_says_what_was_called_and_what_it_cost():
    call = row(price_version_id=UUID(int=5))

    said = receipts.verified(signed(call)[0], KEYS)

    assert said == {
        "v": 1,
        "id": call["id"],
        "at": "2026-11-22T14:03:22.000000Z",
        "organisation": str(UUID(int=1)),
        "key": str(UUID(int=2)),
        "integration": str(UUID(int=3)),
        "tool": "greet",
        "environment": "live",
        "status": "ok",
        "units": 1,
        "amount_nanos": 250_000_000,
        "currency": "usd",
        "price": str(UUID(int=5)),
        "month": {"starts": "2026-11", "units": 17, "amount_nanos": 4_250_000_000},
        "left_nanos": 99,
    }


def test_a_lone_receipt_needs_no_path_and_fits_a_header():
    text = signed(row(tool="x" * 128))[0]

    assert receipts.taken_apart(text).path == b""
    assert len(text) < 1_024


@given(st.integers(1, 70))
def test_one_signature_serves_a_group_of_any_size(size):
    calls = [row() for _ in range(size)]

    texts = signed(*calls)

    assert [receipts.verified(text, KEYS)["id"] for text in texts] == [call["id"] for call in calls]
    assert len({text.rpartition(".")[2] for text in texts}) == 1


@given(st.data())
def test_no_altered_receipt_is_believed(data):
    text = signed(*[row() for _ in range(5)])[data.draw(st.integers(0, 4))]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCxyz019._-~").filter(lambda character: character != text[at]))

    with pytest.raises(NotAReceipt):
        receipts.verified(text[:at] + other + text[at + 1 :], KEYS)


def test_parts_of_different_receipts_make_none():
    one, other = (text.split(".") for text in signed(row(), row()))

    for part in range(3):
        mixed = [*one]
        mixed[part] = other[part]
        with pytest.raises(NotAReceipt):
            receipts.verified(".".join(mixed), KEYS)


def test_a_key_under_anothers_name_is_not_believed():
    other = Ed25519PrivateKey.generate()
    text = receipts.sign(
        [("rcp_1", receipts.payload(row(), month=None, left_nanos=None))], Signer(SIGNER.key_id, other)
    )[0]

    with pytest.raises(NotAReceipt, match="not among"):
        receipts.verified(text, {SIGNER.key_id: other.public_key().public_bytes_raw()})
    with pytest.raises(NotAReceipt, match="not among"):
        receipts.verified(text, {})


@pytest.mark.parametrize("text", ["", "rcp_1", "a.b.c", "a.b.c.d.e", "a.=.=.d.=", "é.é.é.é.é", "." * 4])
def test_what_is_no_receipt_is_refused_in_words(text):
    with pytest.raises(NotAReceipt):
        receipts.verified(text, KEYS)


def test_an_inner_node_cannot_be_shown_as_a_leaf():
    left, right = merkle.leaf(b"a"), merkle.leaf(b"b")

    assert merkle.leaf(left + right) != merkle.node(left, right)
