"""Whoever rotates a key gets no new budget and no new rate: what counts, counts by the key."""

from sqlmodel import Session, select

from app.core import clock
from app.keys import rotation
from app.keys.models import Key
from app.keys.rotation import Overlap
from tests.gateway.keyed import bearing
from tests.gateway.limiting import known_by, limit, limited, price
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream


async def rotate(caller):
    """The new secret of the caller's key; the one that it calls with goes on."""
    with Session(caller.engine) as session:
        key = session.exec(select(Key)).one()
        issued = rotation.rotate(
            session, key=key, overlap=Overlap(quiet_hours=6), brand="pst", person_id=None, now=clock.now()
        )
        session.commit()
        secret = issued.secret
    await known_by(caller)
    return secret


def reason(answer):
    return answer.json["error"]["data"]["reason"] if "error" in answer.json else "ok"


async def test_a_cap_and_a_rate_go_on_where_they_were(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr("app.gateway.limits.time", lambda: 1_800_000_000.5)
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream) as caller:
        await price(caller, "3c")
        await limit(caller, "spend", "0.10usd/month", for_key=True, set_by="organisation")
        assert [reason(await caller.call()) for _ in range(2)] == ["ok", "ok"]

        new = await rotate(caller)
        assert reason(await caller.call(headers=bearing(new))) == "ok"
        assert reason(await caller.call(headers=bearing(new))) == "cap_reached"
        assert reason(await caller.call()) == "cap_reached"
        assert {event.key_id for event in caller.events} == {caller.events[0].key_id}

        await limit(caller, "spend", "5usd/month", for_key=True, set_by="organisation")
        await limit(caller, "calls", "2/minute", for_key=True)
        assert reason(await caller.call()) == "ok"
        newer = await rotate(caller)
        assert reason(await caller.call(headers=bearing(newer))) == "ok"
        assert {reason(await caller.call(headers=bearing(secret))) for secret in (new, newer)} == {"rate_limited"}
