"""`postern key …`: what an operator types, and what it says."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlmodel import select

from app import cli
from app.cli.keys import moment
from app.core import crypto, errors
from app.keys.models import Key, KeySecret


@pytest.fixture
def type_in(session, database_url):
    """`type_in("list", "acme")` gives what was printed."""

    def type_in(*words):
        session.commit()
        runner = CliRunner(env={"POSTERN_DATABASE_URL": database_url})
        result = runner.invoke(cli.postern, ["key", *words], standalone_mode=False)
        session.expire_all()
        if result.exception is not None:
            raise result.exception
        return result.output

    return type_in


@pytest.fixture
def acme(make):
    return make.organisation("Acme")


def only_key(session):
    return session.exec(select(Key)).one()


def test_a_key_is_made_with_all_its_terms(session, make, acme, type_in):
    make.integration("sampler"), make.integration("clock", tools=("get_current_time",))

    secret = type_in(
        *("create", acme.slug, "--name", "ci", "--test", "--scope", "sampler", "--scope", "clock/get_current_time"),
        *("--expires", "2099-01-31", "--network", "10.0.0.0/8"),
    ).strip()

    key = only_key(session)
    assert secret.startswith("pst_test_")
    assert (key.name, key.environment, key.digest) == ("ci", "test", crypto.digest(secret))
    assert (key.reach, key.origin) == ("clock/get_current_time, sampler", "10.0.0.0/8")
    assert key.expires_at == datetime(2099, 1, 31, tzinfo=UTC)


def test_without_options_a_key_reaches_everything(session, acme, type_in):
    type_in("create", acme.slug)

    key = only_key(session)
    assert (key.environment, key.scopes, key.networks, key.expires_at) == ("live", None, [], None)


def test_what_cannot_be_meant_makes_no_key(session, acme, type_in):
    for words in (["--scope", "nowhere"], ["--network", "10.0.0.1/8"], ["--expires", "2020-01-01"]):
        with pytest.raises(errors.Invalid):
            type_in("create", acme.slug, *words)

    assert session.exec(select(Key)).all() == []


def test_the_list_says_state_and_terms(make, acme, type_in, now):
    make.integration("sampler")
    made = [
        make.key(acme, name="open"),
        make.key(acme, name="off", is_enabled=False),
        make.key(acme, name="over", expires_at=now - timedelta(days=400)),
        make.key(acme, name="gone", revoked_at=now, scopes=["sampler/greet"], networks=["10.0.0.0/8"]),
    ]
    make.key(name="somebody else's")

    lines = {re.split(r"\s{2,}", line)[2]: line for line in type_in("list", acme.slug).splitlines()}

    assert set(lines) == {"open", "off", "over", "gone"}
    assert {name: line.split()[0] for name, line in lines.items()} == {
        "open": "live",
        "off": "disabled",
        "over": "expired",
        "gone": "revoked",
    }
    assert "reaches Everything" in lines["open"]
    assert "until 2025-10-18 14:03 UTC" in lines["over"]
    assert "reaches sampler/greet  from 10.0.0.0/8" in lines["gone"]
    assert all(key.hint in lines[key.name] for key in made)


def test_keys_are_switched_off_on_and_revoked_by_their_prefix(session, make, type_in, now):
    first, second = make.key(name="first"), make.key(name="second")

    said = type_in("disable", first.prefix, second.hint)
    assert "“first”" in said
    assert "“second”" in said
    assert (first.is_enabled, second.is_enabled) == (False, False)
    type_in("enable", first.prefix)
    assert first.is_enabled
    type_in("revoke", first.prefix)
    assert first.is_revoked
    assert not second.is_revoked


def test_a_leaked_key_can_be_named_by_itself(session, make, type_in):
    secrets = []
    key = make.key(secret=secrets)

    assert secrets[0] not in type_in("revoke", secrets[0])
    assert key.is_revoked


def test_one_unknown_key_keeps_no_other_from_being_revoked(session, make, type_in):
    key = make.key()

    with pytest.raises(errors.Invalid, match="There is no key"):
        type_in("revoke", "pst_live_00000000", key.prefix)

    assert key.is_revoked


@pytest.mark.parametrize("typed", ["pst_live_", "pst_live_AbC", "AbCdEfGh", ""])
def test_what_is_too_short_to_be_a_key_is_called_so(make, type_in, typed):
    make.key()

    with pytest.raises(errors.Invalid, match=r"too short, or is no key.* 8 characters after"):
        type_in("disable", typed)


def test_two_keys_with_one_prefix_are_told_apart_by_their_end(session, make, type_in):
    first, second = make.key(name="first"), make.key(name="second")
    second.prefix = first.prefix
    first.last_four, second.last_four = "aaaa", "bbbb"
    session.add_all([first, second])

    with pytest.raises(errors.Invalid, match="last four"):
        type_in("revoke", first.prefix)
    type_in("revoke", second.hint)

    assert (first.is_revoked, second.is_revoked) == (False, True)


def test_only_what_is_named_is_changed(session, make, type_in):
    make.integration("sampler")
    key = make.key(networks=["10.0.0.0/8"])

    type_in("update", key.prefix, "--scope", "sampler/greet")
    assert (key.reach, key.origin, key.expires_at) == ("sampler/greet", "10.0.0.0/8", None)
    type_in("update", key.prefix, "--every-scope", "--network", "192.0.2.7", "--expires", "90d")
    assert (key.reach, key.origin) == ("Everything", "192.0.2.7")
    assert key.expires_at is not None
    type_in("update", key.prefix, "--every-network", "--expires", "never")
    assert (key.origin, key.expires_at) == ("Anywhere", None)


def test_contradictions_change_nothing(make, type_in):
    make.integration("sampler")
    key = make.key(scopes=["sampler"])

    with pytest.raises(errors.Invalid, match="not both"):
        type_in("update", key.prefix, "--scope", "sampler/greet", "--every-scope")

    assert key.reach == "sampler"


@pytest.mark.parametrize(
    ("written", "hours"),
    [("12h", 12), ("90d", 2160), ("2w", 336), ("2026-11-22T15:03:22+00:00", 1), ("2026-11-22T16:03:22+01:00", 1)],
)
def test_a_moment_may_be_written_in_several_ways(now, written, hours):
    assert moment(written, now=now) == now + timedelta(hours=hours)


def test_never_is_no_moment(now):
    assert moment("never", now=now) is None


@pytest.mark.parametrize("written", ["", "soon", "90", "-1d", "31.01.2027", "2027-02-30"])
def test_what_is_no_moment_is_refused_with_words(now, written):
    with pytest.raises(errors.Invalid, match="Write 90d"):
        moment(written, now=now)


def test_rotating_prints_the_new_secret_and_keeps_the_key(session, acme, type_in):
    first = type_in("create", acme.slug).strip()
    key_id = only_key(session).id

    second = type_in("rotate", first, "--overlap", "quiet-6h").strip()

    found = only_key(session)
    assert (found.id, found.digest) == (key_id, crypto.digest(second))
    [earlier] = session.exec(select(KeySecret)).all()
    assert (earlier.digest, earlier.quiet_hours, earlier.retires_at) == (crypto.digest(first), 6, None)
    type_in("rotate", first, "--overlap", "7d")
    assert len(session.exec(select(KeySecret)).all()) == 2
    for words in ("soon", "quiet-", "6", "quiet-quiet-6h", "x-quiet-6h"):
        with pytest.raises(errors.Invalid, match="no overlap"):
            type_in("rotate", first, "--overlap", words)
