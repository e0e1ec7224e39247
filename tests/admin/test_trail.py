"""Operators read everything that is written down, of every organisation and of none, with its filters and as files."""

import csv
import io
import json

import pytest
from sqlmodel import select

from app.core.audit import COMMAND_LINE, OPERATOR, AuditEntry, Origin
from app.core.audit_words import ERASED
from app.trail import pages, queries, telling
from tests.databases import on_both
from tests.trail.conftest import tell

assert tell
PAGE = "/operator/audit/"


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", email="opal@example.com", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


@pytest.fixture
def written(owner, outsider, tell, operator):
    """An entry of each kind of place and actor, each in its own words."""
    tell(owner.organisation, "key.revoked", owner.person, name="acme-key")
    tell(outsider.organisation, "key.issued", outsider.person, name="other-key")
    tell(
        owner.organisation,
        "limit.set",
        origin=Origin(OPERATOR, "Opal", None, None, "198.51.100.9", "Opera"),
        limit="“cap”",
    )
    tell(None, "plan.set", origin=Origin(COMMAND_LINE, "root", None, None, "198.51.100.10", ""))
    tell(owner.organisation, "member.removed", outsider.person, subject_id=owner.person.id, name="Olive")


def sentences(answer):
    return [words for words in ("acme-key", "other-key", "“cap”", "(on the command line)", "Olive") if words in answer]


@on_both
def test_all_of_it_is_listed_and_filtered_and_files_hold_the_same(operator, owner, outsider, written):
    acme, olive, otto = owner.organisation.id, owner.person.id, outsider.person.id
    for asked, found in {
        "": ["acme-key", "other-key", "“cap”", "(on the command line)", "Olive"],
        f"?organisation={acme}": ["acme-key", "“cap”", "Olive"],
        f"?organisation={acme}&what=key": ["acme-key"],
        "?what=key": ["acme-key", "other-key"],
        f"?who={otto}": ["other-key", "Olive"],
        f"?who={otto}&what=key.issued": ["other-key"],
        f"?about={olive}": ["Olive"],
        "?who=operator": ["“cap”"],
        "?who=command_line&text=198.51": ["(on the command line)"],
        "?text=nothing-like-it": [],
    }.items():
        page = operator.get(PAGE + asked).text
        file = list(csv.DictReader(io.StringIO(operator.get(f"{PAGE}audit.csv{asked}").html, newline="")))
        entries = json.loads(operator.get(f"{PAGE}audit.json{asked}").html)["entries"]

        assert sentences(page.partition("What happened")[2].replace("Olive Owner", "")) == found, asked
        assert [row["id"] for row in file] == [one["id"] for one in entries]
        assert sentences(" ".join(row["sentence"] for row in file).replace("Olive Owner", "")) == found, asked


def test_operators_see_whose_it_was_and_from_where_operators_act(operator, owner, written, session):
    page = operator.get(PAGE)
    rows = {row["action"]: row for row in csv.DictReader(io.StringIO(operator.get(f"{PAGE}audit.csv").html))}

    assert f"/operator/organisations/{owner.organisation.id}" in page.page.links
    assert "198.51.100.9" in page.text
    assert tuple(rows["limit.set"]) == telling.ALL_COLUMNS
    assert rows["limit.set"]["address"] == "198.51.100.9"
    assert rows["limit.set"]["organisation"] == owner.organisation.slug
    assert rows["plan.set"]["organisation_id"] == ""
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "plan.set")).one()
    shown = operator.get(f"{PAGE}{entry.id}").text
    assert "198.51.100.10" in shown
    assert "Not sealed yet" in shown


def test_nobody_s_name_or_address_is_shown_once_they_are_erased(operator, outsider, written, session):
    outsider.person.name = ERASED

    for path in (PAGE, f"{PAGE}audit.csv", f"{PAGE}audit.json"):
        answer = operator.get(f"{path}?who={outsider.person.id}").html
        assert ERASED in answer
        assert "Otto" not in answer
        assert "192.0.2.7" not in answer


def test_pages_follow_each_other_and_what_is_looked_for_is_looked_for_in_parts(operator, owner, tell, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    monkeypatch.setattr(queries, "REACH", 4)
    for number in range(9):
        tell(owner.organisation, "key.issued" if number % 3 else "key.revoked", owner.person, name=f"n{number}")

    for asked, wanted in (("", list("876543210")), ("?what=key.revoked", list("630"))):
        seen, path = [], PAGE + asked
        while path:
            answer = operator.get(path)
            seen += [number for number in "876543210" if f"“n{number}”" in answer.text]
            links = {words.strip(): href for href, words in answer.page.links.items()}
            path = links.get("Older") or links.get("Look further back")
        assert seen == wanted or sorted(seen, reverse=True) == wanted


def test_what_happened_in_one_organisation_stands_on_that_page(operator, owner, written):
    place = f"/operator/organisations/{owner.organisation.id}"
    address = f"{PAGE}?organisation={owner.organisation.id}"

    assert address in operator.get(place).page.links
    assert operator.get(f"{place}?show=trail", status=303).location == address
    assert "What was changed in Acme, by whom" in operator.get(address).text
    for wrong, status in (("x", 422), ("00000000-0000-0000-0000-000000000007", 404)):
        operator.get(f"{PAGE}?organisation={wrong}", status=status)


def test_for_everyone_else_there_is_no_such_page(owner, written):
    for path in ("", "audit.csv", "audit.json"):
        owner.get(PAGE + path, status=404)
