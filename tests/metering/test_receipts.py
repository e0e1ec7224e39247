"""Receipts prove themselves offline, alone and in groups, and nothing that was altered does."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.metering import merkle, receipts, signing
from app.metering.entry import Month
from app.metering.receipts import MonthPart, NotAReceipt, Payload
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


@given(
    row_changes=st.fixed_dictionaries(
        {
            "tool": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
            "status": st.sampled_from(["ok", "timeout"]),
            "environment": st.sampled_from(["live", "test"]),
            "units": st.integers(-1, 1),
            "amount_nanos": st.integers(-(2**60), 2**60),
            "currency": st.sampled_from(["usd", "eur", ""]),
            "price_version_id": st.none() | st.integers(0, 3).map(lambda n: UUID(int=n)),
            "key_id": st.integers(0, 3).map(lambda n: UUID(int=n)),
            "at": st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()),  # noqa: DTZ001
        }
    ),
    month=st.none() | st.builds(Month, st.integers(0, 2**60), st.integers(-(2**60), 2**60)),
    left_nanos=st.none() | st.integers(0, 2**60),
)
def test_a_payload_is_what_the_encoder_would_write(row_changes, month, left_nanos):
    call = row(**row_changes)
    at = call["at"].astimezone(UTC)
    price = call["price_version_id"]

    written = receipts.payload(call, month=month, left_nanos=left_nanos)

    assert written == msgspec.json.encode(
        Payload(
            v=1,
            id=call["id"],
            at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            organisation=str(call["organisation_id"]),
            key=str(call["key_id"]),
            integration=str(call["integration_id"]),
            tool=call["tool"],
            environment=call["environment"],
            status=call["status"],
            units=call["units"],
            amount_nanos=call["amount_nanos"],
            currency=call["currency"],
            price=str(price) if price is not None else None,
            month=month and MonthPart(at.strftime("%Y-%m"), month.units, month.amount_nanos),
            left_nanos=left_nanos,
        )
    )


@pytest.mark.parametrize("size", range(1, 40))
def test_a_tree_is_the_one_of_rfc_6962(size):
    """Its definition: the root over n leaves is the node over the root of the first k and that of the rest, k being
    the largest power of two below n.
    """

    def root(leaves):
        if len(leaves) == 1:
            return leaves[0]
        k = 1 << ((len(leaves) - 1).bit_length() - 1)
        return merkle.node(root(leaves[:k]), root(leaves[k:]))

    leaves = [merkle.leaf(bytes([at])) for at in range(size)]

    found, paths = merkle.tree(leaves)

    assert found == root(leaves)
    assert {merkle.root_of(leaf, path) for leaf, path in zip(leaves, paths, strict=True)} == {found}
