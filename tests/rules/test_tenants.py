"""No address gives or changes anything of another organisation, or of another person: to a stranger it is not there."""

import pytest
from sqlmodel import select

from app.accounts.models import BrowserSession, Identity
from app.billing.models import Invoice
from app.core import crypto
from app.core.audit import AuditEntry
from app.keys import rotation
from app.leaks.models import REVOKE, LeakDrill
from app.limits import services as limits
from app.limits.services import Selection
from app.organisations import domains, inviting
from app.organisations.acting import Actor
from app.unusual.models import UseAlert
from app.web import guards
from app.webhooks import services as webhooks
from app.webhooks.models import LIMIT_PASSED, WebhookDelivery, WebhookEndpoint

NOBODYS = {"slug", "month", "line", "hour", "token"}
"""Arguments of addresses that name what is everybody's, a part of one's own, or what opens for whoever has it."""


class Owned:
    """Makes, for each argument of an address, what it can name: something of the owner's, or of their organisation's.

    A new argument gets its method here, or its place in NOBODYS.
    """

    def __init__(self, owner, make, session, now):
        self.owner, self.make, self.session, self.now = owner, make, session, now
        self.organisation = owner.organisation

    def added(self, row):
        self.session.add(row)
        self.session.flush()
        return row.id

    def newest(self, table, **where):
        return self.session.exec(select(table).filter_by(**where)).all()[-1].id

    def identity_id(self):
        return self.newest(Identity, person_id=self.owner.person.id)

    def session_id(self):
        digest = crypto.digest(crypto.random_token())
        moments = {"created_at": self.now, "last_seen_at": self.now}
        return self.added(BrowserSession(token_digest=digest, person_id=self.owner.person.id, **moments))

    def receipt(self):
        key = self.make.key(self.organisation)
        return self.make.call(key, self.make.integration(f"of-{key.id.hex[:8]}")).id

    def call_id(self):
        return self.receipt()

    def key_id(self):
        self.key = self.make.key(self.organisation)
        return self.key.id

    def secret_id(self):
        """An earlier secret of the key that the same address names."""
        overlap = rotation.Overlap(hours=1)
        rotation.rotate(self.session, key=self.key, overlap=overlap, brand="pst", person_id=None, now=self.now)
        return rotation.secrets_of(self.session, self.key)[0].id

    def rule_id(self):
        selection = Selection(organisation=self.organisation, key=self.make.key(self.organisation))
        terms = {"measure": "spend", "period": "month", "most": 10**11, "set_by": "organisation"}
        return limits.set_limit(self.session, selection=selection, **terms, now=self.now).id

    def endpoint_id(self):
        if not self.session.exec(select(WebhookEndpoint).filter_by(removed_at=None)).all():
            self.owner.post("/webhooks/", url="http://127.0.0.1:9/theirs", status=200)
        return self.newest(WebhookEndpoint, removed_at=None)

    def delivery_id(self):
        self.endpoint_id()
        words = {"kind": LIMIT_PASSED, "data": {"words": "x"}, "key": crypto.random_token()}
        webhooks.tell(self.session, organisation_id=self.organisation.id, **words, now=self.now)
        return self.newest(WebhookDelivery)

    def entry_id(self):
        self.make.key(self.organisation)
        return self.newest(AuditEntry, organisation_id=self.organisation.id)

    def person_id(self):
        person = self.make.person("One of theirs")
        self.make.membership(self.organisation, person)
        return person.id

    def invitation_id(self):
        on = inviting.Terms("viewer")
        by = Actor(self.owner.person.id, self.owner.person.name, "owner")
        return inviting.by_link(self.session, organisation=self.organisation, on=on, by=by, now=self.now)[0].id

    def domain_id(self):
        name = f"d{crypto.random_token()[:6].encode().hex()}.example"
        made = domains.add(
            self.session, organisation=self.organisation, name=name, person_id=self.owner.person.id, now=self.now
        )
        return made.id

    def invoice_id(self):
        sums = dict.fromkeys(("subtotal", "tax", "total", "due", "paid"), 0)
        moments = dict.fromkeys(("period_start", "period_end", "created_at", "updated_at"), self.now)
        named = {
            "id": f"in_{crypto.random_token()[:12]}",
            "mode": "test",
            "state": "paid",
            "currency": "usd",
            "lines": [],
        }
        return self.added(Invoice(organisation_id=self.organisation.id, **named, **sums, **moments))

    def admin_key_id(self):
        return self.make.admin_key(self.organisation).id

    def alert_id(self):
        named = dict.fromkeys(("key", "about"), crypto.random_token())
        moments = {"began_at": self.now, "at": self.now}
        return self.added(UseAlert(organisation_id=self.organisation.id, rule="client", words=".", **named, **moments))

    def drill_id(self):
        return self.added(LeakDrill(organisation_id=self.organisation.id, at=self.now, act=REVOKE))


@pytest.fixture
def owned(owner, make, session, now):
    return Owned(owner, make, session, now)


def addresses_with_arguments(app):
    """(method, rule) of what members and people reach, and strangers do not."""
    for rule in app.url_map.iter_rules():
        guard = guards.guard_of(app.view_functions[rule.endpoint]).name
        if rule.arguments - NOBODYS and (guard.startswith(("member", "api")) or guard == "signed_in"):
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield method, rule


def test_strangers_find_nothing_where_owners_do(app, owner, outsider, program, owned, session):
    app.config["WTF_CSRF_ENABLED"] = False
    urls = app.url_map.bind("127.0.0.1:8300")
    programs = [program(one.organisation) for one in (outsider, owner)]

    def asked(method, path):
        if path.startswith("/api/"):
            return [one.ask(method, path, status=None, json={}).status_code for one in programs]
        return [one.open(method, path).status for one in (outsider, owner)]

    wrong = []
    for method, rule in addresses_with_arguments(app):
        values = {name: "thing" if name in NOBODYS else getattr(owned, name)() for name in sorted(rule.arguments)}
        path = urls.build(rule.endpoint, values, method=method)
        session.commit()
        theirs, own = asked(method, path)
        if theirs != 404 or own == 404 or own >= 500:
            wrong.append((method, rule.rule, theirs, own))

    assert wrong == []
