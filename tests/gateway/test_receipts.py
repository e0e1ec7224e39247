"""Every answer to a metered call brings a receipt that whoever holds the public key can check by themselves."""

import json

import pytest

from app.metering import receipts, signing
from tests.gateway.gateways import CALL, LIST, RESULT
from tests.gateway.streams import PROGRESS, event, stream
from tests.gateway.upstreams import Upstream, answer, raw

RESULT_BODY = json.dumps(RESULT).encode()
KEYS = "/.well-known/postern-receipt-keys.json"


def response(**parts):
    return answer(json.dumps({"jsonrpc": "2.0", "id": 7, **parts}).encode())


async def get(caller, path, **more):
    return await caller.call(method="GET", path=path, **more)


async def verified(caller, text):
    """What the receipt says, checked with the keys that the gateway publishes."""
    published = (await get(caller, KEYS, headers=[])).json["keys"]
    return receipts.verified(text, {key["id"]: signing.decoded(key["public"]) for key in published})


async def test_header_and_meta_bring_the_same_signed_receipt(open_gateway):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()
        again = await caller.call()

        text = got.header("postern-receipt")
        assert got.json["result"].pop("_meta") == {"postern/receipt": text}
        assert got.header("content-length") == str(len(got.body))
        events = {event.id: event for event in caller.events}
        for answered, units in ((got, 1), (again, 2)):
            said = await verified(caller, answered.header("postern-receipt"))
            recorded = events[said["id"]]
            assert (said["tool"], said["units"], said["status"]) == ("greet", 1, "ok")
            assert (said["organisation"], said["key"]) == (str(recorded.organisation_id), str(recorded.key_id))
            assert said["month"] == {"starts": f"{recorded.at:%Y-%m}", "units": units, "amount_nanos": 0}
        assert events[said["id"]].policy_version > 0
        assert events[said["id"]].environment == "live"


async def test_on_a_stream_the_head_has_the_id_and_the_response_the_receipt(open_sqlite_gateway):
    async with (
        Upstream(stream(event(PROGRESS), event(RESULT))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        got = await caller.call()

        receipt_id = got.header("postern-receipt")
        text = json.loads(got.body.rpartition(b"data: ")[2])["result"]["_meta"]["postern/receipt"]
        assert got.body.startswith(event(PROGRESS))
        assert (await verified(caller, text))["id"] == receipt_id == caller.events[0].id


async def test_what_came_without_its_receipt_fetches_it(open_gateway):
    large = response(result={"content": "x" * 300_000})
    async with Upstream(raw(large)) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()
        receipt_id = got.header("postern-receipt")
        assert "." not in receipt_id

        fetched = await get(caller, f"/receipts/{receipt_id}")

        said = await verified(caller, fetched.json["receipt"])
        assert (said["id"], said["units"], said["month"], said["left_nanos"]) == (receipt_id, 1, None, None)


async def test_a_receipt_that_is_fetched_claims_no_other_totals_than_the_first(open_sqlite_gateway):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        first = await verified(caller, (await caller.call()).header("postern-receipt"))
        await caller.call()

        fetched = await get(caller, f"/receipts/{first['id']}")
        again = await verified(caller, fetched.json["receipt"])

    assert first["month"]["units"] == 1
    assert again == first | {"month": None, "left_nanos": None}


@pytest.mark.parametrize("whose", ["nobody", "outsider"])
async def test_receipts_are_their_organisations_alone(open_sqlite_gateway, sqlite_engine, whose, now):
    from sqlmodel import Session

    from tests.factories import Factory

    secrets = []
    with Session(sqlite_engine) as session:
        Factory(session, now).key(secret=secrets)
        session.commit()
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        receipt_id = (await caller.call()).receipt
        headers = [("Authorization", f"Bearer {secrets[0]}")] if whose == "outsider" else []

        got = await get(caller, f"/receipts/{receipt_id}", headers=headers)

        assert got.status == (404 if whose == "outsider" else 401)
        assert b"greet" not in got.body


@pytest.mark.parametrize("path", ["rcp_01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "", "rcp_01ARZ3NDEKTSV4RRFFQ69G5FAV'--"])
async def test_a_receipt_that_is_not_there_is_not_found(open_sqlite_gateway, path):
    async with open_sqlite_gateway() as caller:
        assert (await get(caller, f"/receipts/{path}")).status == 404


async def test_what_is_no_event_brings_no_receipt(open_sqlite_gateway):
    asks = response(result={"resultType": "input_required", "inputRequests": {}})
    async with Upstream(raw(asks)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for got in (await caller.call(), await caller.call(LIST), await caller.call(CALL, headers=[])):
            assert got.header("postern-receipt") is None
            assert b"postern/receipt" not in got.body
        assert caller.events == []


@pytest.mark.parametrize(
    "reply",
    [
        response(error={"code": -32603, "message": "it broke"}),
        answer(b"not JSON", kind="text/html"),
        answer(b"", status="500 Oh dear"),
    ],
    ids=["error", "no MCP", "500"],
)
async def test_a_call_that_failed_brings_a_receipt_over_nothing(open_sqlite_gateway, reply):
    async with Upstream(raw(reply)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        said = await verified(caller, got.header("postern-receipt"))
        assert (said["id"], said["units"], said["amount_nanos"]) == (caller.events[0].id, 0, 0)


async def test_an_integration_cannot_make_receipts(open_sqlite_gateway):
    forged = response(result={"_meta": {"postern/receipt": "rcp_forged", "theirs": 1.50}, "content": []})
    async with Upstream(raw(forged)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.json["result"]["_meta"] == {"postern/receipt": got.header("postern-receipt"), "theirs": 1.5}
        assert b"forged" not in got.body


async def test_keys_are_made_once_and_published_without_their_private_half(open_sqlite_gateway):
    async with open_sqlite_gateway() as caller:
        first = await get(caller, KEYS, headers=[])
        [key] = first.json["keys"]

        assert set(key) == {"id", "algorithm", "public", "created_at", "retired_at"}
        assert key["id"] == signing.id_of(signing.decoded(key["public"]))
        assert caller.gateway.parts.proof.signer().key_id == key["id"]
        assert (await get(caller, KEYS, headers=[])).body == first.body
