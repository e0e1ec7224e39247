"""Setting limits: what may be meant, what is told to gateways, and how it is said."""

import shutil

import pytest
from click.testing import CliRunner
from sqlmodel import Session, select

from app.cli import limits as limits_cli
from app.cli import prices as prices_cli
from app.core import audit_words, changes, db
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid, NotFound
from app.limits import queries, rules, services, wording
from app.limits.rules import RuleBook
from app.limits.services import Selection
from tests.factories import Factory


def set_limit(session, now, measure, quantity, **selected):
    period, most = wording.parse(measure, quantity, currency="usd")
    return services.set_limit(
        session, selection=Selection(**selected), measure=measure, period=period, most=most, now=now
    )


def applying(session, key, integration, tool, usual=()):
    book = RuleBook(usual)
    book.replace(rules.every(session))
    found = book.applying(organisation_id=key.organisation_id, key_id=key.id, integration_id=integration.id, tool=tool)
    return sorted(wording.typed(rule, currency="usd") for rule in found)


def test_gateways_hear_of_a_limit_and_it_is_written_down(session, make, now):
    key = make.key()
    rule = set_limit(session, now, "calls", "600/minute", key=key)

    assert (changes.since(session, 0)[-1].kind, changes.since(session, 0)[-1].subject_id) == ("limit", rule.id)
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "limit.set")).one()
    for_key = {"name": "key-calls-minute", "for": f"the key “{key.name}”"}
    assert entry.details == {**for_key, "limit": "calls 600/minute", "was": "none"}
    assert audit_words.deed(entry) == f"set the limit 600 calls a minute for the key “{key.name}”"


def test_the_same_limit_with_another_number_is_changed(session, make, now):
    organisation = make.organisation()
    first = set_limit(session, now, "calls", "600/minute", organisation=organisation)
    again = set_limit(session, now, "calls", "700/minute", organisation=organisation)

    assert (again.id, again.most) == (first.id, 700)
    with pytest.raises(Conflict):
        set_limit(session, now, "calls", "700/minute", organisation=organisation)
    assert set_limit(session, now, "calls", "700/hour", organisation=organisation).id != first.id


def test_a_removed_limit_is_gone_and_told(session, make, now):
    rule = set_limit(session, now, "streams", "20", organisation=make.organisation(), per="key")
    services.remove(session, rule=rule, now=now)

    assert queries.rules_of(session) == []
    assert changes.since(session, 0)[-1].subject_id == rule.id
    with pytest.raises(NotFound):
        queries.by_short_id(session, str(rule.id)[:8])


@pytest.mark.parametrize(
    ("measure", "quantity"),
    [
        ("calls", "600"),
        ("calls", "1.5/minute"),
        ("calls", "-1/minute"),
        ("calls", "600/fortnight"),
        ("calls", "99999999999999999/day"),
        ("streams", "20/minute"),
        ("spend", "50.00usd/minute"),
        ("spend", "50.00eur/month"),
        ("spend", "50.00usd"),
        ("sighs", "20"),
        ("calls", ""),
    ],
)
def test_what_cannot_be_meant_is_refused(session, now, measure, quantity):
    with pytest.raises(Invalid):
        set_limit(session, now, measure, quantity)


def test_a_selection_must_fit_together(session, make, now):
    integration, key = make.integration(), make.key()
    for wrong in (
        {"tool": "greet"},
        {"key": key, "organisation": make.organisation("Other")},
        {"key": key, "per": "organisation"},
        {"per": "person"},
    ):
        with pytest.raises(Invalid):
            set_limit(session, now, "calls", "1/day", **wrong)
    with pytest.raises(Invalid):
        set_limit(session, now, "streams", "1", integration=integration, tool="greet")


def test_a_call_is_held_against_what_selects_it(session, make, now):
    key, stranger, integration = make.key(), make.key(), make.integration()
    set_limit(session, now, "calls", "1/day", key=key)
    set_limit(session, now, "calls", "2/day", integration=integration)
    set_limit(session, now, "calls", "3/day", integration=integration, tool="greet")

    assert applying(session, key, integration, "greet") == ["calls 1/day", "calls 2/day", "calls 3/day"]
    assert applying(session, key, integration, "other") == ["calls 1/day", "calls 2/day"]
    assert applying(session, stranger, make.integration(), "greet") == []


def test_an_operators_limit_replaces_the_usual_one_of_its_kind(session, make, now):
    key, integration = make.key(), make.integration()
    usual = rules.defaults(calls_per_minute=100, streams=5)
    set_limit(session, now, "calls", "10/month", key=key)
    assert applying(session, key, integration, "", usual) == ["calls 10/month", "calls 100/minute", "streams 5"]

    set_limit(session, now, "calls", "500/second", key=key)
    assert applying(session, key, integration, "", usual) == ["calls 10/month", "calls 500/second", "streams 5"]
    assert rules.defaults(calls_per_minute=0, streams=0) == []


def test_the_commands_set_show_and_lift_limits_and_prices(sqlite_template, tmp_path, now, monkeypatch):
    path = shutil.copy(sqlite_template, tmp_path / "commands.db")
    monkeypatch.setenv("POSTERN_DATABASE_URL", f"sqlite:///{path}")
    with Session(db.create(f"sqlite:///{path}"), expire_on_commit=False) as session:
        make = Factory(session, now)
        organisation = make.organisation("Acme")
        key = make.key(organisation)
        make.integration("sampler")
        session.commit()

    def run(group, *words):
        result = CliRunner().invoke(group, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    limit, price = limits_cli.limit, prices_cli.price
    run(limit, "set", "calls", "600/minute", "--organisation", organisation.slug, "--per", "key")
    run(limit, "set", "spend", "50.00usd/month", "--key", key.prefix)
    run(limit, "set", "calls", "5/second", "--integration", "sampler", "--tool", "greet")
    shown = run(limit, "list")
    assert "organisation-calls-minute" not in shown
    assert "key-calls-minute  calls 600/minute  set by operator" in shown
    assert f"set by operator, for each key of {organisation.slug}" in shown
    assert (
        f"key-spend-month  spend 50.00usd/month  set by operator, for the key “ci” ({key.hint}) of {organisation.slug}"
        in shown
    )
    assert "all-sampler-greet-calls-second  calls 5/second  set by operator, for the whole installation" in shown
    assert "usual     default-calls-minute  calls 6000/minute" in shown
    with pytest.raises(Invalid, match="--everywhere if you mean it"):
        run(limit, "set", "spend", "5/month")
    with pytest.raises(Invalid, match="--everywhere if you mean it"):
        run(limit, "set", "calls", "5/day")
    with pytest.raises(Invalid, match="give no selection with it"):
        run(limit, "set", "calls", "5/day", "--everywhere", "--per", "key")
    assert "the whole installation, all callers together" in run(limit, "set", "spend", "5/month", "--everywhere")
    assert "for each key of the whole installation" in run(limit, "set", "calls", "5/day", "--per", "key")
    assert f"for {organisation.slug}\n" in run(limit, "set", "calls", "7/day", "--organisation", organisation.slug)
    assert "the whole installation" in run(limit, "set", "calls", "70/second")
    shown = run(limit, "list")
    run(limit, "remove", *[line[:8] for line in shown.splitlines() if "set by" in line])
    assert "set by" not in run(limit, "list")

    assert run(price, "set", "sampler", "--amount", "0.25c") == "Each call of sampler costs $0.0025 from now on.\n"
    run(price, "set", "sampler", "greet", "--amount", "0.05 usd", "--from", "2099-01-01")
    assert run(price, "list").splitlines() == [
        "sampler  $0.0025 per call",
        "sampler/greet  $0.05 per call  from 2099-01-01 00:00:00 UTC",
    ]
