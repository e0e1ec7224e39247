"""What app/admin/personal.py says of each column about people is true: an export holds it, and erasing takes it."""

import json

import pytest
from sqlalchemy import select as rows_of
from sqlmodel import select

from app.accounts.models import BrowserSession, Identity
from app.admin import erasing, exporting
from app.admin.models import OrganisationNote
from app.admin.personal import DECISIONS, EMPTIED, GONE, ID
from app.billing.models import BillingAccount
from app.core import audit, db, mail, mail_kinds
from app.core.audit import Origin
from app.organisations import services, settings
from app.organisations.invitation_models import FormerMember, Invitation
from app.organisations.models import Membership, Organisation

NAME, ADDRESS = "Zofia Quill", "Zofia@Quill.example"
SUBJECT, LABEL, AGENT, FROM, NOTE, KEY = "zq-subject", "zq-label", "Quill/1.0", "192.0.2.99", "zq-note", "zq-key"
MARKS = (NAME.lower(), ADDRESS.lower(), "zofia", SUBJECT, LABEL, AGENT.lower(), FROM, NOTE)


@pytest.fixture
def person(make, session, now):
    """Somebody of whom everything is kept that can be."""
    person = make.person(NAME, email=ADDRESS)
    identity = session.exec(select(Identity).where(Identity.person_id == person.id)).one()
    identity.subject, identity.label = SUBJECT, LABEL
    audit.set_origin(Origin("person", NAME, person.id, address=FROM, client=AGENT))
    own = services.create_personal(session, person=person, now=now)
    settings.change_slug(session, organisation=own, to="zofia", person_id=person.id, now=now)
    settings.change_billing_email(session, organisation=own, to=ADDRESS, person_id=person.id, now=now)
    audit.set_origin(None)
    work, former = make.organisation("Work", owner=make.person("Wanda")), make.organisation("Former")
    work.billing_email = ADDRESS.lower()
    make.membership(work, person)
    make.key(work, name=KEY).owner_id = person.id
    invitation = {
        "role": "viewer", "days": 7, "uses_most": 1, "created_at": now, "sent_at": now, "expires_at": now,
    }  # fmt: skip
    session.add_all(
        [
            BrowserSession(token_digest="d", person_id=person.id, data={"typed": NAME}, user_agent=AGENT, address=FROM,
                           created_at=now, last_seen_at=now),
            FormerMember(organisation_id=former.id, person_id=person.id, removed_at=now),
            Invitation(organisation_id=work.id, email=ADDRESS, token_digest="a", created_by="Wanda", **invitation),
            Invitation(organisation_id=work.id, email="other@example.com", token_digest="b", created_by=NAME,
                       created_by_id=person.id, **invitation),
            OrganisationNote(organisation_id=own.id, words=NOTE, created_at=now),
            BillingAccount(organisation_id=own.id, mode="test", customer_id="cus_1", currency="eur", email=ADDRESS,
                           created_at=now, updated_at=now),
        ]
    )  # fmt: skip
    mail.queue(session, to=ADDRESS, template="test", context={"product": NAME}, key="one", now=now)
    mail_kinds.refuse(session, ADDRESS, "organisations", now=now)
    audit.record(session, action="member.removed", now=now, organisation_id=former.id, subject_id=person.id)
    session.flush()
    return person


def places_of(session, is_it):
    """Columns that have a value like that, “table.column”."""
    session.flush()
    found = set()
    for table in db.metadata.tables.values():
        for row in session.execute(rows_of(table)).mappings():
            found |= {f"{table.name}.{name}" for name, value in row.items() if is_it(value)}
    return found


def is_marked(value):
    text = json.dumps(value, default=str, ensure_ascii=False).lower()
    return any(mark in text for mark in MARKS)


def test_export_has_a_part_for_each_column_that_it_is_to_hold(person, session):
    kept = places_of(session, is_marked) | places_of(session, lambda value: value == person.id)
    found = exporting.export(session, person)

    assert kept - DECISIONS.keys() == {"person.id"}, "a column that nobody has decided upon"
    assert [part for part, inside in found.items() if not inside] == []
    assert {one.export for one in DECISIONS.values()} - {""} == found.keys()
    text = json.dumps(found, ensure_ascii=False)
    for mark in (NAME, ADDRESS, SUBJECT, LABEL, AGENT, FROM, NOTE, KEY, "zofia", "member.removed", "Former"):
        assert mark in text
    assert "other@example.com" not in text, "somebody else’s"


def test_erasing_leaves_nothing_but_what_stays_for_a_reason(person, make, session, now):
    before = places_of(session, is_marked) | places_of(session, lambda value: value == person.id)
    to_go = {name for name, one in DECISIONS.items() if one.erased in (GONE, EMPTIED)}
    assert to_go <= before, "each is tried here"

    erasing.erase(session, person=person, operator_id=make.person("Opal").id, now=now)

    session.expire_all()
    assert places_of(session, is_marked) & to_go == set()
    ids = places_of(session, lambda value: value == person.id) - {"person.id"}
    assert [name for name in sorted(ids) if DECISIONS[name].erased != ID] == []
    assert session.exec(select(Invitation.created_by)).all() == ["An erased person"]
    assert {one.slug.partition("-")[0] for one in session.exec(select(Organisation))} == {"org", "erased"}
    assert len(session.exec(select(Membership)).all()) == 1
