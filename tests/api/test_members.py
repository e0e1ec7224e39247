"""Members and invitations by the API: the rules of the pages, and an admin key instead of a person."""

from sqlmodel import select

from app.billing.models import BillingAccount
from app.core.audit import AuditEntry
from app.core.mail import Mail
from app.organisations.models import Membership
from tests.api.problems import problem
from tests.databases import on_both


@on_both
def test_members_get_roles_and_are_taken_out_within_the_role_of_the_key(owner, member, program, session):
    api, one = program(owner.organisation, "admin"), f"/members/{member.person.id}"

    assert api.ask("GET", one).get_json()["role"] == "developer"
    assert api.ask("PATCH", one, json={"role": "billing"}).get_json()["role"] == "billing"
    assert "Only an owner" in problem(api.ask("PATCH", one, status=403, json={"role": "owner"}), 403)
    assert "Only an owner" in problem(api.ask("DELETE", f"/members/{owner.person.id}", status=403), 403)
    problem(api.ask("PATCH", one, status=422, json={"role": "king"}), 422)
    api.ask("DELETE", one, status=204)
    problem(api.ask("GET", one, status=404), 404)

    assert session.get(Membership, (owner.organisation.id, member.person.id)) is None
    said = {entry.action: entry for entry in session.exec(select(AuditEntry)) if entry.action.startswith("member.")}
    assert set(said) == {"member.role_changed", "member.removed"}
    assert {(entry.actor_kind, entry.actor) for entry in said.values()} == {("admin_key", "deploy")}


@on_both
def test_programs_invite_by_mail_and_by_link(owner, outsider, program, session, hand):
    api = program(owner.organisation, "admin")

    sent = api.ask("POST", "/invitations", status=201, json={"role": "viewer", "email": "new@example.com"}).get_json()
    link = api.ask("POST", "/invitations", status=201, json={"role": "developer", "uses": 3, "days": 2}).get_json()

    assert sent["url"] is None
    [mail] = session.exec(select(Mail)).all()
    assert mail.context["by"] == "“deploy” (a program)"
    assert sent["invitation"]["created_by"] == "“deploy” (a program)"
    assert "Only an owner" in problem(api.ask("POST", "/invitations", status=403, json={"role": "owner"}), 403)
    problem(
        api.ask("POST", "/invitations", status=422, json={"role": "viewer", "email": "x@y.example", "uses": 2}), 422
    )
    path = link["url"].removeprefix("http://127.0.0.1:8300")
    outsider.get(path)
    outsider.post(path)
    one = f"/invitations/{link['invitation']['id']}"
    assert api.ask("GET", one).get_json()["uses"] == 1
    hand.moves(minutes=11)
    again = api.ask("POST", f"{one}/again").get_json()
    assert again["url"] != link["url"]
    assert api.ask("POST", f"/invitations/{sent['invitation']['id']}/again").get_json()["url"] is None
    assert api.ask("POST", f"{one}/revoke").get_json()["state"] == "revoked"
    problem(api.ask("POST", f"{one}/revoke", status=409), 409)
    first = api.ask("GET", "/invitations?limit=1").get_json()
    second = api.ask("GET", f"/invitations?limit=1&cursor={first['next_cursor']}").get_json()
    assert {first["items"][0]["state"], second["items"][0]["state"]} == {"open", "revoked"}
    assert second["next_cursor"] is None


def test_settings_are_changed_until_bills_go_where_stripe_says(owner, program, make, session, now):
    api = program(owner.organisation)

    asked = {"name": "Acme Labs", "slug": "acme-labs", "billing_email": "bills@example.com"}
    told = api.ask("PATCH", "/organisation", json=asked).get_json()

    assert {name: told[name] for name in asked} == asked
    assert (told["members"], told["seats"]) == (1, 0)
    assert "small letters" in problem(api.ask("PATCH", "/organisation", status=422, json={"slug": "A b"}), 422)
    session.add(
        BillingAccount(
            organisation_id=owner.organisation.id,
            mode="test",
            customer_id="cus_1",
            currency="usd",
            email="at@stripe.example",
            created_at=now,
            updated_at=now,
        )
    )
    assert api.ask("GET", "/organisation").get_json()["billing_email"] == "at@stripe.example"
    problem(api.ask("PATCH", "/organisation", status=409, json={"billing_email": "x@example.com"}), 409)
