"""The page of the audit log, one entry's page, and the files: what is listed, as it is listed, for those who may."""

import csv
import io
import json
from datetime import timedelta

from sqlmodel import Session, select

from app.core import vault
from app.core.audit import AuditEntry, Origin
from app.core.audit_words import ERASED
from app.metering.audit_chain import AuditSealer
from app.trail import export, pages, queries, telling
from app.trail.filters import Filters
from tests.metering.test_verification import tamper

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def seal(engine, settings, now):
    """What the test wrote must be committed: asking for a page does that."""
    with Session(engine) as session:
        AuditSealer().run(session, vault.from_settings(settings), now=now)
        session.commit()


def entries(session, organisation):
    statement = select(AuditEntry).where(AuditEntry.organisation_id == organisation.id)
    return session.exec(statement.order_by(AuditEntry.at.desc())).all()


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.html, newline="")))


def test_the_page_says_what_happened_and_lists_what_is_asked_for(owner, member, outsider, tell, make):
    acme = owner.organisation
    tell(
        acme,
        "key.revoked",
        owner.person,
        origin=Origin("person", "Olive Owner", owner.person.id, None, "192.0.2.7", FIREFOX),
        name="ci",
    )
    tell(acme, "key.changed", member.person, name="bot", expires="never → 2026-12-01")
    tell(acme, "limit.set", origin=Origin("operator", "Kim", None, None, "198.51.100.9", "Firefox"), limit="<b>all</b>")
    tell(outsider.organisation, "key.issued", outsider.person, name="theirs")

    page = owner.get("/audit/").text
    keys_of_olive = owner.get(f"/audit/?who={owner.person.id}&what=key").text
    nothing = owner.get("/audit/?text=zzz&since=2026-11-01").text

    assert "Olive Owner revoked the key “ci”." in page
    assert "192.0.2.7Firefox on Linux" in page
    assert "Expires: never → 2026-12-01" in page
    assert "Kim (an operator) set the limit <b>all</b>." in page
    assert "198.51.100.9" not in page, "where operators sit is not for customers"
    assert "theirs" not in page
    assert "ci" in keys_of_olive
    assert "bot" not in keys_of_olive
    assert "Nothing is like that" in nothing
    owner.get("/audit/?what=nonsense", status=422)
    member.get("/audit/", status=403)
    [theirs] = entries(outsider.session, outsider.organisation)
    owner.get(f"/audit/{theirs.id}", status=404)


def test_pages_follow_each_other_without_loss(owner, tell, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    for number in range(5):
        tell(owner.organisation, "key.issued", owner.person, name=f"key-{number}")

    seen, path = [], "/audit/?what=key"
    while path:
        answer = owner.get(path)
        seen += [f"key-{number}" for number in range(5) if f"“key-{number}”" in answer.text]
        path = next((href for href, words in answer.page.links.items() if words.strip() == "Older"), None)

    assert seen == ["key-3", "key-4", "key-1", "key-2", "key-0"]


def test_an_entrys_page_says_everything_and_checks_its_seal(owner, tell, engine, settings, now):
    tell(owner.organisation, "key.changed", owner.person, name="ci", reaches="everything → greet")
    [entry] = entries(owner.session, owner.organisation)
    path = f"/audit/{entry.id}"

    before = owner.get(path).text
    seal(engine, settings, now)
    sound = owner.get(path).text
    tamper(engine, "UPDATE audit_entry SET address = '203.0.113.1'")
    changed = owner.get(path).text

    assert "Not sealed yet" in before
    assert "Reaches everything greet" in " ".join(before.split())
    assert "Olive Owner changed what the key “ci” may do." in sound
    assert "Unchanged" in sound
    assert "Not as it was sealed" in changed


def test_files_hold_exactly_what_is_listed_and_nothing_that_calculates(
    owner, outsider, tell, engine, settings, now, monkeypatch
):
    monkeypatch.setattr(export, "PAGE", 3)
    acme = owner.organisation
    for number in range(7):
        tell(acme, "key.issued", owner.person, name=f'=HYPERLINK("https://evil.example/{number}")')
    tell(acme, "key.revoked", owner.person, name="ci")
    tell(outsider.organisation, "key.issued", outsider.person, name="theirs")
    mallory = Origin("person", "@SUM(1+1)", owner.person.id, None, "192.0.2.7", "+cmd|'/c calc'!A0")
    tell(acme, "key.issued", owner.person, origin=mallory, name="last", at=now + timedelta(days=1))
    owner.session.commit()
    seal(engine, settings, now)

    listed = queries.page(owner.session, acme.id, export.Filters(what="key.issued"), limit=100).entries
    as_csv = rows(owner.get("/audit/audit.csv?what=key.issued"))
    as_json = json.loads(owner.get("/audit/audit.json?what=key.issued").html)["entries"]

    assert [row["id"] for row in as_csv] == [one["id"] for one in as_json] == [str(one.id) for one in listed]
    assert len(as_csv) == 8
    assert list(as_csv[0]) == list(telling.COLUMNS)
    assert as_csv[0]["who"] == "'@SUM(1+1)"
    assert as_csv[0]["client"].startswith("'+cmd")
    assert not [value for row in as_csv for value in row.values() if value[:1] in ("=", "+", "-", "@")]
    assert as_json[0]["sentence"] == "@SUM(1+1) made the key “last”."
    assert as_json[0]["actor"]["address"] == "192.0.2.7"
    assert {one["place"] for one in as_json} == {1, 2, 3, 4, 5, 6, 7, 10}
    assert rows(owner.get("/audit/audit.csv?text=no-such")) == []
    assert json.loads(owner.get("/audit/audit.json?text=no-such").html) == {"entries": []}


def test_who_was_erased_is_somebody_everywhere(owner, member, tell):
    tell(owner.organisation, "key.revoked", member.person, name="ci")
    [entry] = entries(owner.session, owner.organisation)
    member.person.name, member.person.email = ERASED, None
    owner.session.add(member.person)

    seen = [owner.get(path) for path in ("/audit/", f"/audit/{entry.id}", f"/audit/?who={member.person.id}")]
    seen += [owner.get("/audit/audit.csv"), owner.get("/audit/audit.json")]

    for answer in seen:
        assert "An erased person revoked the key “ci”." in answer.html
        assert "Max Member" not in answer.html
        assert "192.0.2.7" not in answer.html


def test_who_takes_the_file_slowly_keeps_no_connection(engine, session, make, tell):
    acme = make.organisation()
    for _ in range(3):
        tell(acme, "key.changed")
    session.commit()

    lines = export.as_csv(engine, export.Wanted(acme.id, Filters()), itself="Postern")
    next(lines)

    assert next(lines).count("key.changed") == 3
    assert engine.pool.checkedout() == 0
