"""`postern leaks` says what was reported, and what to write to GitHub."""

from app.leaks import models, services
from app.leaks.reports import Report
from tests.databases import on_one


@on_one
def test_status_and_letter(run, session, make, now):
    assert "No key has leaked." in run("leaks", "status")[1]
    secrets = []
    make.key(secret=secrets)
    found = [Report(token, "npm", "") for token in (*secrets, "x", "y")]
    services.take_in(session, found, reporter=models.GITHUB, now=now)
    session.commit()

    code, said = run("leaks", "status")

    assert code == 0
    assert "Revoked: 1" in said
    assert "Not ours, in an npm package: 2, the last 2026-11-22 14:03 UTC" in said
    assert "nobody has asked for it" in said
    assert "Regular expression: \\bpst_live_" in run("leaks", "letter")[1]
