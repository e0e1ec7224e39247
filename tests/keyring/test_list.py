"""The list of keys: what is asked in the address, what each row says, and stopping several at once."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event

from app.keyring import listing
from app.keyring.listing import Asked
from app.keys import rotation
from app.keys.models import Key
from app.keys.rotation import Overlap
from app.limits import services as limits
from app.limits.services import Selection


@pytest.fixture
def keys(session, make, now):
    """One key of each kind, by its name."""
    sam = make.person("Sam Field", email="sam@example.com")
    organisation = make.organisation(owner=sam)
    found = {
        "plain": make.key(organisation, name="plain", person_id=sam.id),
        "soon": make.key(organisation, name="soon", expires_at=now + timedelta(days=7)),
        "later": make.key(organisation, name="later", expires_at=now + timedelta(days=8), environment="test"),
        "off": make.key(organisation, name="off 100%", is_enabled=False),
        "over": make.key(organisation, name="over", expires_at=now),
        "gone": make.key(organisation, name="gone", revoked_at=now),
        "turning": make.key(organisation, name="turning"),
    }
    rotation.rotate(session, key=found["turning"], overlap=Overlap(hours=1), brand="pst", person_id=None, now=now)
    deleted = make.key(organisation, name="deleted", revoked_at=now)
    deleted.deleted_at = now
    make.key(name="of a stranger")
    session.flush()
    return organisation, found, sam


def names(session, organisation, now, **asked):
    found = listing.keys(session, organisation, Asked.of(asked), now=now, limit=50, offset=0)
    return [key.name for key in found]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("live", {"plain", "soon", "later", "turning"}),
        ("expiring", {"soon"}),
        ("rotating", {"turning"}),
        ("disabled", {"off 100%"}),
        ("expired", {"over"}),
        ("revoked", {"gone"}),
        ("", {"plain", "soon", "later", "turning", "off 100%", "over", "gone"}),
        ("nonsense", {"plain", "soon", "later", "turning", "off 100%", "over", "gone"}),
    ],
)
def test_states_narrow_the_list(session, keys, now, state, expected):
    organisation, found, _ = keys
    assert set(names(session, organisation, now, state=state)) == expected
    rows = {row.key.name: row.state for row in listing.rows(session, organisation, list(found.values()), now=now)}
    if state in listing.STATES and state != "live":
        assert {name for name, its in rows.items() if its == state} == expected


def test_names_kinds_and_owners_narrow_it_too(session, keys, now):
    organisation, found, sam = keys
    assert names(session, organisation, now, q="LAI") == ["plain"]
    assert names(session, organisation, now, q="100%") == ["off 100%"]
    assert names(session, organisation, now, q="%") == ["off 100%"]
    assert names(session, organisation, now, q=found["soon"].hint) == ["soon"]
    assert names(session, organisation, now, environment="test") == ["later"]
    assert names(session, organisation, now, owner=str(sam.id)) == ["plain"]
    assert "plain" not in names(session, organisation, now, owner="services")
    assert names(session, organisation, now, q="plain", state="revoked") == []


def test_sorting_keeps_the_revoked_last(session, keys, make, now):
    organisation, found, _ = keys
    integration = make.integration()
    make.call(found["later"], integration)
    found["soon"].last_used_at = now
    session.flush()

    by_name = names(session, organisation, now, sort="name")
    assert by_name == sorted(by_name)
    assert names(session, organisation, now, sort="-used")[0] == "soon"
    assert names(session, organisation, now, sort="expires")[:3] == ["over", "soon", "later"]
    for sort in ("-created", "created", "-used", "expires", "-spend", "spend"):
        assert names(session, organisation, now, sort=sort)[-1] == "gone"


def test_an_address_says_only_what_is_not_as_usual():
    assert Asked.of({"q": " ci ", "sort": "name", "state": "x", "owner": "y", "environment": "z"}).link() == {
        "q": "ci",
        "sort": "name",
    }
    assert Asked.of({}).link(sort="-used") == {"sort": "-used"}


def test_a_row_shows_spend_beside_its_cap_and_fourteen_days(session, make, now):
    organisation = make.organisation()
    key, integration = make.key(organisation), make.integration()
    make.call(key, integration)
    make.call(key, integration, at=now - timedelta(days=13))
    make.call(key, integration, at=now - timedelta(days=14))
    for most in (9, 5):
        limits.set_limit(
            session,
            selection=Selection(organisation=organisation, key=key),
            measure="spend",
            period="month",
            most=most,
            set_by="organisation" if most == 5 else "operator",
            now=now,
        )

    [row] = listing.rows(session, organisation, [key], now=now)

    assert (row.calls, row.cap_nanos, row.spent_nanos, row.percent) == (2, 5, 0, 0)


def test_the_page_asks_as_much_for_many_keys_as_for_one(owner, make, engine):
    statements = []

    @event.listens_for(engine, "before_cursor_execute")
    def _count(*call):
        statements.append(call[2])

    make.key(owner.organisation, name="first")
    owner.get("/keys/")
    statements.clear()
    owner.get("/keys/")
    for_one = len(statements)
    for number in range(15):
        make.key(owner.organisation, name=f"key {number}")
    statements.clear()
    owner.get("/keys/")

    assert len(statements) == for_one


def test_filters_stand_in_the_address_and_in_the_links(owner, make):
    for name in ("ci one", "ci two", "other"):
        make.key(owner.organisation, name=name)

    answer = owner.get("/keys/?q=ci&sort=name")

    assert answer.html.count('id="key-') == 2
    assert 'value="ci"' in answer.html
    assert "/keys/?q=ci&amp;sort=-name" in answer.html
    assert 'aria-sort="ascending"' in answer.html
    assert "No key fits" in owner.get("/keys/?q=nothing+like+it").text


def test_several_keys_are_revoked_after_a_question(owner, make, session):
    used, unused, kept = [make.key(owner.organisation, name=name) for name in ("used", "unused", "kept")]
    make.call(used, make.integration())
    session.commit()

    asked = owner.get(f"/keys/revoke?key={used.id}&key={unused.id}")
    assert "Revoke 2 keys?" in asked.text
    assert "They made 1 call in the last 24 hours" in asked.text
    assert not session.get(Key, used.id).is_revoked

    owner.post("/keys/revoke", key=[str(used.id), str(unused.id)])
    session.expire_all()
    assert [session.get(Key, one.id).is_revoked for one in (used, unused, kept)] == [True, True, False]
    assert "2 keys were revoked" in owner.get("/keys/").text


def test_nothing_chosen_and_strangers_keys_are_no_question(owner, outsider, make, session):
    key = make.key(owner.organisation)
    session.commit()

    assert owner.get("/keys/revoke", status=303).location.endswith("/keys/")
    outsider.get("/keys/")
    assert outsider.get(f"/keys/revoke?key={key.id}", status=303).location.endswith("/keys/")
    outsider.post("/keys/revoke", key=str(key.id))
    owner.get("/keys/revoke?key=x", status=422)
    owner.get(f"/keys/revoke?key={uuid4()}", status=303)
    session.expire_all()
    assert not session.get(Key, key.id).is_revoked
