"""Home says in one screen whether it works, what it costs, what changed and what needs somebody."""

from datetime import timedelta

from app.admin import erasing
from app.home import needs
from app.integrations.models import Tool
from tests.databases import on_both


def words(answer):
    return " ".join(answer.text.replace("\N{NO-BREAK SPACE}", " ").split())


@on_both
def test_home_compares_today_with_the_same_hours_a_week_ago(owner, make):
    key, sampler = make.key(owner.organisation), make.integration("sampler")
    for days, calls in ((0, 3), (7, 2)):
        for n in range(calls):
            make.call(key, sampler, at=make.hours_ago(2 + n) - timedelta(days=days), duration_us=20_000)
    make.call(key, sampler, at=make.now - timedelta(days=7, minutes=2), duration_us=9_000_000)

    text = words(owner.get("/home/"))

    assert "Calls today 3 50 % more than last Sunday up to 14:00" in text
    assert "Spend in November 2026 $0.00" in text


@on_both
def test_what_needs_somebody_is_named_with_the_page_that_mends_it(owner, make, session, now):
    key, sampler = make.key(owner.organisation, name="ci", expires_at=now + timedelta(days=3)), make.integration()
    make.key(owner.organisation, name="later", expires_at=now + timedelta(days=60))
    make.key(owner.organisation, name="gone", expires_at=now + timedelta(days=3), revoked_at=now)
    make.call(key, sampler)
    make.attempt(organisation=owner.organisation)
    make.attempt(organisation=make.organisation())

    answer = owner.get("/home/")

    assert "One call was refused in 24 hours." in answer.text
    assert "The key “ci” expires within 14 days." in answer.text
    assert {"/keys/", "/usage/refused/"} <= set(answer.page.links)


def test_what_changed_names_who_did_it_unless_they_were_erased(owner, member, make, session, now):
    key = make.key(owner.organisation, name="ci", person_id=member.person.id)
    make.call(key, make.integration())
    assert "Max Member made the key “ci”" in owner.get("/home/").text

    erasing.erase(session, person=member.person, operator_id=make.person("Olga", is_operator=True).id, now=now)

    text = owner.get("/home/").text
    assert "An erased person made the key “ci”" in text
    assert "Max Member made" not in text


def test_only_tools_that_nobody_has_looked_at_wait_for_operators(session, make):
    place = make.integration(tools=("greet",))
    assert needs.of_operators(session) == []

    session.add(Tool(integration_id=place.id, name="new", state="new", found="{}", found_digest="", found_at=make.now))

    assert [one.words for one in needs.of_operators(session)] == ["One tool waits to be approved."]


def test_a_stranger_sees_none_of_it(outsider, owner, make):
    make.call(make.key(owner.organisation), make.integration("sampler"))
    make.attempt(organisation=owner.organisation)

    assert "No call yet" in outsider.get("/home/").text
