"""However calls are filtered and split, they come to what they are call by call. Pages: billing/test_one_number.py."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from app.metering import naming, selection, spans, usage
from app.metering.usage import Question

STATUSES = [("ok", ""), ("ok", ""), ("ok", ""), ("tool_error", "unknown_tool"), ("timeout", "timeout")]
PRICE = 1_700_000_000


def calls_of(make, organisation, seed, *, count=70, mark=""):
    """Of three keys (two of a member, one a service's, one of them for tests) by two integrations, over 12 days."""
    chance = random.Random(seed)
    person = make.person("Grace")
    keys = [
        make.key(organisation, name="ci"),
        make.key(organisation, name="desk", person_id=person.id),
        make.key(organisation, name="trial", environment="test"),
    ]
    keys[1].owner_id = person.id
    places = [make.integration(f"sampler{mark}"), make.integration(f"clock{mark}")]
    made = []
    for _ in range(count):
        status, error = chance.choice(STATUSES)
        units = int(status == "ok")
        key = chance.choice(keys)
        made.append(
            make.call(
                key,
                chance.choice(places),
                at=make.now - timedelta(minutes=chance.randrange(12 * 24 * 60)),
                tool=chance.choice(["greet", "search", "count"]),
                status=status,
                error_class=error,
                units=units,
                duration_us=chance.randrange(1, 3_000_000),
                tokens_in=chance.randrange(50),
                amount_nanos=units * PRICE if key.environment == "live" else 0,
                environment=key.environment,
                currency="usd",
            )
        )
    return made, {key.id: key for key in keys}, {place.id: place.slug for place in places}


def value_of(event, by, keys, slugs):
    """What the group of an event is called in addresses."""
    owner = keys[event.key_id].owner_id
    return {
        "integration": slugs[event.integration_id],
        "tool": f"{slugs[event.integration_id]}/{event.tool}",
        "key": str(event.key_id),
        "member": str(owner) if owner else "service",
        "environment": event.environment,
        "status": event.status,
        "error": event.error_class or "none",
        "plan": "none",
    }[by]


@pytest.mark.parametrize("period", ["24h", "7d", "30d"])
def test_figures_are_what_the_calls_themselves_come_to(session, make, now, period):
    organisation = make.organisation()
    made, keys, slugs = calls_of(make, organisation, 7)
    calls_of(make, make.organisation(), 8, count=9, mark="-2")
    span = spans.read(period, "", "", now=now)
    inside = [one for one in made if span.since <= one.at < span.until]
    for by in selection.WORDS:
        question = Question(organisation, span, by=by)
        found = usage.by_group(session, question, limit=100)
        names = naming.names_of(session, organisation, by, [group for group, _ in found])
        by_value = {names[group].value: figure for group, figure in found}

        expected = Counter(value_of(one, by, keys, slugs) for one in inside)
        assert {value: figure.calls for value, figure in by_value.items()} == expected
        for value, figure in by_value.items():
            mine = [one for one in inside if value_of(one, by, keys, slugs) == value]
            assert figure.amount_nanos == sum(one.amount_nanos for one in mine)
            assert figure.bytes == sum(one.bytes_in + one.bytes_out for one in mine)
            assert figure.tokens == sum(one.tokens_in for one in mine)
            assert figure.errors == sum(one.status != "ok" for one in mine)
            wanted = selection.Wanted(**{by: value})
            assert usage.total(session, Question(organisation, span, wanted)) == figure
        steps = usage.by_step(session, question)
        assert [one.calls for one in steps] == [
            sum(at <= one.at < at + span.step for one in inside) for at in span.steps
        ]
        apart = usage.by_step_and_group(session, question, [group for group, _ in found])
        assert [sum(one[n].calls for one in apart.values()) for n in range(len(steps))] == [one.calls for one in steps]


def test_a_day_on_which_the_plan_changed_is_split_by_hour(session, make, now, monkeypatch):
    organisation = make.organisation()
    key, place = make.key(organisation), make.integration()
    noon = now.replace(hour=12, minute=0, second=0) - timedelta(days=3)
    for hours in (-2, -1, 0, 1, 2):
        make.call(key, place, at=noon + timedelta(hours=hours))
    stays = [selection.Stay(noon - timedelta(days=9), "free"), selection.Stay(noon, "pro")]
    monkeypatch.setattr(selection, "stays_of", lambda *_: stays)
    span = spans.read("30d", "", "", now=now)

    found = usage.by_group(session, Question(organisation, span, by="plan"), limit=9)

    assert {group[0]: figure.calls for group, figure in found} == {"free": 2, "pro": 3}
    of_pro = Question(organisation, span, selection.Wanted(plan="pro"))
    assert usage.total(session, of_pro).calls == sum(one.calls for one in usage.by_step(session, of_pro)) == 3
