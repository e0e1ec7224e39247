"""`postern plans`: says what changes, and for whom, before it does it."""

import pytest
from click.testing import CliRunner
from sqlmodel import select

from app.cli import postern
from app.core import clock, db
from app.core.errors import Conflict, Invalid
from app.plans import services
from app.plans.applying import Source
from app.plans.models import FROM_PAGE, PlanVersion
from tests.plans.catalogues import SMALL, apply, choice


@pytest.fixture
def run(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(db, "create", lambda url: engine)
    file = tmp_path / "plans.toml"
    file.write_text(SMALL)

    def run(*words, text=None):
        if text is not None:
            file.write_text(text)
        arguments = ["plans", *words, *([str(file)] if words[0] == "apply" else [])]
        result = CliRunner().invoke(postern, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return run


def test_a_dry_run_says_what_would_change_and_changes_nothing(run, session):
    output = run("apply", "--dry-run")

    assert "team: new" in output
    assert "base fee per month, usd: $99.00" in output
    assert "charge “calls”, calls, usd: first 3 calls free, then $0.02 per call for the next 2, and $0.01" in output
    assert "Nothing was changed (--dry-run)." in output
    assert session.exec(select(PlanVersion)).all() == []


def test_a_change_is_told_with_how_many_it_touches(run, session, make):
    run("apply")
    now = clock.now()
    organisation = make.organisation()
    services.subscribe(session, organisation=organisation, choice=choice(session, "team", now=now), now=now)
    session.commit()

    changed = SMALL.replace('each = "0.005" }\neur', 'each = "0.004" }\neur')
    output = run("apply", text=changed)

    assert "team: version 2; 1 organisation on an older one, where they stay" in output
    assert "  charge “calls”, calls, usd: $0.005 per call → $0.004 per call" in output
    assert run("apply") == "All plans are as the file says.\n"
    assert "team  version 2  Team, team  1 organisation" in run("list")
    assert "rate of calls a minute: 60" in run("show", "free")


def test_what_is_wrong_is_said_with_its_line(run):
    with pytest.raises(Invalid, match=r"plans.toml, line 6, plans.free.kind: choose one of"):
        run("apply", text=SMALL.replace('kind = "free"', 'kind = "gratis"', 1))


def test_plans_are_exported_as_a_file_that_changes_nothing(run, session, tmp_path):
    run("apply")

    assert run("export", str(tmp_path / "out.toml")) == f"Wrote {tmp_path / 'out.toml'}.\n"

    assert run("export") == (tmp_path / "out.toml").read_text()
    assert run("apply", text=run("export")) == "All plans are as the file says.\n"


def test_a_file_that_would_undo_a_change_of_the_page_is_refused_until_it_is_meant(run, session):
    run("apply")
    changed = SMALL.replace('words = "By use."', 'words = "By what you use."')
    apply(session, changed, now=clock.now(), source=Source(FROM_PAGE))
    session.commit()

    with pytest.raises(Conflict, match="postern plans export"):
        run("apply", "--dry-run")

    assert "payg: version 3" in run("apply", "--overwrite")
    assert "from the operator’s page" not in run("list")


def test_a_move_without_notice_and_one_that_is_taken_back_are_said(run, session, make):
    run("apply")
    now = clock.now()
    services.subscribe(session, organisation=make.organisation(), choice=choice(session, "team", now=now), now=now)
    session.commit()

    dearer = SMALL.replace('each = "0.005" }\neur', 'each = "0.006" }\neur')
    assert "Nobody is told beforehand: no days of notice" in run("apply", "--move", "--notice-days", "0", text=dearer)

    said = run("apply", text=SMALL)
    assert "Withdrawn: 1 organisation that was to follow to an older version stays where it is." in said
