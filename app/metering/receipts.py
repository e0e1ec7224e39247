"""Receipts: what one call was and cost, signed, and small enough for a header. docs/receipts.md has every byte.

`id.payload.path.key.signature`: the payload is JSON; its hash is a leaf, which with the path gives a root; the
signature is over that root, one for all receipts of a group (app/metering/merkle.py). All but id and key is base64url.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.metering import merkle, signing
from app.metering.entry import Month
from app.metering.ledger import EventRow
from app.metering.prepared import text_of
from app.metering.signing import Signer

CONTEXT = b"postern receipt v1\0"
"""Signed before the root, so that a signature means a receipt and nothing else."""

_PARTS = 5


class MonthPart(msgspec.Struct):
    """starts: such as "2026-11"."""

    starts: str
    units: int
    amount_nanos: int


class Payload(msgspec.Struct):
    """What a receipt says, in this order. Money is in 1e-9 minor units of `currency`.

    month: the organisation's totals of the month when the receipt was signed, this call included; None when that was
    not known, because the database was away. left: of the tightest cap on spending; None when there is none, or it is
    not known.
    """

    v: int
    id: str
    at: str
    organisation: str
    key: str
    integration: str
    tool: str
    environment: str
    status: str
    units: int
    amount_nanos: int
    currency: str
    price: str | None
    month: MonthPart | None
    left_nanos: int | None


class NotAReceipt(ValueError):
    """The text is no receipt, or does not prove what it says; the message says why."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A receipt taken apart, nothing checked yet."""

    id: str
    payload: bytes
    path: bytes
    key_id: str
    signature: bytes


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Payload).decode

_MOST_FRAMES = 2_048
_frames: dict[tuple[object, ...], tuple[str, str]] = {}
"""What payloads have in common, ready as text; begun anew when it is full. Any thread may ask."""


def payload(row: EventRow, *, month: Month | None, left_nanos: int | None, moment: str = "") -> bytes:
    """The JSON that is signed: what a Payload is encoded as, put together from what calls have in common.

    moment: when the call came, as text_of gives it, if that is known already.
    """
    moment = (moment or text_of(row["at"])).replace(" ", "T")
    middle, end = _frame_of(row)
    totals = "null"
    if month is not None:
        totals = f'{{"starts":"{moment[:7]}","units":{month.units},"amount_nanos":{month.amount_nanos}}}'
    left = "null" if left_nanos is None else left_nanos
    return (
        f'{{"v":1,"id":"{row["id"]}","at":"{moment}Z",{middle}{row["units"]},"amount_nanos":{row["amount_nanos"]}'
        f'{end}{totals},"left_nanos":{left}}}'
    ).encode()


def _frame_of(row: EventRow) -> tuple[str, str]:
    """What stands between the moment and the units, and between the amount and the month."""
    price = row["price_version_id"]
    same = (
        row["organisation_id"].int,
        row["key_id"].int,
        row["integration_id"].int,
        row["tool"],
        row["environment"],
        row["status"],
        row["currency"],
        price and price.int,
    )
    frame = _frames.get(same)
    if frame is None:
        if len(_frames) >= _MOST_FRAMES:
            _frames.clear()
        names = ("organisation", "key", "integration", "tool", "environment", "status")
        values = (str(row["organisation_id"]), str(row["key_id"]), str(row["integration_id"]), *same[3:6])
        middle = "".join([f'"{name}":{_json(value)},' for name, value in zip(names, values, strict=True)])
        end = f',"currency":{_json(row["currency"])},"price":{_json(price)},"month":'
        frame = _frames[same] = (f'{middle}"units":', end)
    return frame


def _json(value: object) -> str:
    return _encode(value).decode()


def sign(payloads: Sequence[tuple[str, bytes]], signer: Signer) -> list[str]:
    """The receipts of a group: (id, payload) each, in the same order."""
    encoded = signing.encoded
    root, paths = merkle.tree([merkle.leaf(data) for _, data in payloads])
    end = f".{signer.key_id}.{encoded(signer.sign(CONTEXT + root))}"
    return [
        f"{receipt}.{encoded(data)}.{encoded(path)}{end}" for (receipt, data), path in zip(payloads, paths, strict=True)
    ]


def taken_apart(text: str) -> Parts:
    """Raises NotAReceipt."""
    parts = text.strip().split(".")
    if len(parts) != _PARTS:
        raise NotAReceipt("A receipt has five parts with dots between them; this is only part of one.")
    try:
        data, path, signature = (signing.decoded(parts[at]) for at in (1, 2, 4))
    except ValueError:
        raise NotAReceipt("Part of it is not base64url: it was cut or altered.") from None
    return Parts(parts[0], data, path, parts[3], signature)


def verified(text: str, keys: Mapping[str, bytes]) -> dict[str, Any]:
    """What the receipt says, if one of `keys` (id to raw public key) signed it. Raises NotAReceipt."""
    parts = taken_apart(text)
    public = keys.get(parts.key_id)
    if public is None or signing.id_of(public) != parts.key_id:
        raise NotAReceipt(f"It names the key “{parts.key_id}”, which is not among the published ones.")
    try:
        root = merkle.root_of(merkle.leaf(parts.payload), parts.path)
    except ValueError as problem:
        raise NotAReceipt(f"Its path is broken: {problem}.") from None
    if not signing.is_signed(CONTEXT + root, signature=parts.signature, public=public):
        raise NotAReceipt("The signature does not fit: it was altered, or nobody here signed it.")
    try:
        said = msgspec.to_builtins(_decode(parts.payload))
    except msgspec.MsgspecError:
        raise NotAReceipt("It was signed here, but is no receipt of this version.") from None
    if said["id"] != parts.id:
        raise NotAReceipt(f"It is the receipt of {said['id']} under another name.")
    return dict(said)
