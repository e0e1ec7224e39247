"""Valid things in one line. Each is added and flushed, not committed."""

import json
from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

from sqlmodel import Session

from app.accounts.models import Identity, Person
from app.core import changes, crypto, ids
from app.integrations import canonical
from app.integrations import services as integrations
from app.integrations.models import Integration, Tool
from app.keys import admin_keys
from app.keys import services as keys
from app.keys.admin_models import AdminKey
from app.keys.models import Key
from app.keys.terms import Terms
from app.metering import issuing
from app.metering.entry import Entry
from app.metering.ledger import INSERTS
from app.metering.models import Attempt, UsageEvent
from app.metering.prepared import Prepared
from app.metering.tally import Tally
from app.organisations.models import Membership, Organisation

_numbers = count(1)
_totals: dict[str, dict[str, Prepared]] = {}
TOTALS = ("hours", "days", "facets", "day_prices")
_NO_BOUNDS: dict[int, dict[str, int]] = {}


class Factory:
    """Makes things in `session`; `now` is when they were made unless said otherwise."""

    def __init__(self, session: Session, now: datetime):
        self.session = session
        self.now = now

    def person(self, name="Alex Mason", *, email="alex@example.com", is_operator=False) -> Person:
        person = self._add(Person(name=name, email=email, is_operator=is_operator, created_at=self.now))
        self._add(
            Identity(
                person_id=person.id,
                provider="local",
                issuer="https://identity.example",
                subject=uuid4().hex,
                label=name,
                linked_at=self.now,
                last_used_at=self.now,
            )
        )
        return person

    def organisation(self, name="Acme", *, owner: Person | None = None, is_personal=False) -> Organisation:
        slug = f"org-{next(_numbers)}"
        organisation = self._add(Organisation(slug=slug, name=name, is_personal=is_personal, created_at=self.now))
        if owner is not None:
            self.membership(organisation, owner, role="owner")
        return organisation

    def membership(self, organisation, person, *, role="developer") -> Membership:
        return self._add(
            Membership(organisation_id=organisation.id, person_id=person.id, role=role, joined_at=self.now)
        )

    def integration(
        self, slug=None, *, upstream_url="http://127.0.0.1:9/mcp", is_enabled=True, tools=("greet",), **more
    ) -> Integration:
        """tools: names of those that are approved; () for an integration that nobody has looked at yet."""
        slug = slug or f"sample-{next(_numbers)}"
        integration = integrations.add(
            self.session,
            slug=slug,
            name=slug.title(),
            summary="A sample.",
            upstream_url=upstream_url,
            now=self.now,
            **more,
        )
        if tools:
            integration.checked_at, integration.protocol_versions = self.now, ["2026-07-28", "2025-11-25"]
            for name in tools:
                self.tool(integration, name)
        if not is_enabled:
            integrations.set_enabled(self.session, integration=integration, is_enabled=False, now=self.now)
        return integration

    def tool(self, integration: Integration, name="greet", *, is_approved=True, findings=(), **more) -> Tool:
        """more: of its definition, beside a name, a description and a schema."""
        definition = {"name": name, "description": f"The tool {name}.", "inputSchema": {"type": "object"}, **more}
        value = canonical.parse(json.dumps(definition).encode())
        tool = Tool(
            integration_id=integration.id,
            name=name,
            state="approved" if is_approved else "new",
            found=canonical.text(value),
            found_digest=canonical.digest(value),
            findings=list(findings),
            found_at=self.now,
        )
        if is_approved:
            tool.definition, tool.digest, tool.approved_at = tool.found, tool.found_digest, self.now
        changes.record(self.session, kind="tool", subject_id=integration.id, now=self.now)
        return self._add(tool)

    def key(
        self,
        organisation=None,
        *,
        name="ci",
        person_id=None,
        environment="live",
        scopes=None,
        networks=(),
        expires_at=None,
        is_enabled=True,
        revoked_at=None,
        secret: list | None = None,
    ) -> Key:
        """expires_at: may be over. secret: a list that receives the key's secret, for tests that call with it."""
        issued = keys.issue(
            self.session,
            organisation=organisation or self.organisation(),
            name=name,
            brand="pst",
            environment=environment,
            on=Terms(None if scopes is None else tuple(scopes), tuple(networks)),
            person_id=person_id,
            now=self.now,
        )
        key = issued.key
        key.expires_at, key.is_enabled = expires_at, is_enabled
        self._add(key)
        if revoked_at is not None:
            keys.revoke(self.session, key=key, person_id=person_id, now=revoked_at)
        if secret is not None:
            secret.append(issued.secret)
        return key

    def admin_key(self, organisation, *, role="owner", person_id=None, secret: list | None = None) -> AdminKey:
        """secret: a list that receives it."""
        key, shown = admin_keys.issue(
            self.session,
            organisation=organisation,
            name="deploy",
            role=role,
            makers_role="owner",
            brand="pst",
            expires_at=None,
            person_id=person_id or uuid4(),
            now=self.now,
        )
        if secret is not None:
            secret.append(shown)
        return key

    def call(self, key: Key, integration: Integration, *, at=None, tool="greet", status="ok", **more) -> UsageEvent:
        """A metered call, with the totals of hours and days that belong to it."""
        at = at or self.now
        values = {
            "http_status": 200,
            "duration_us": 12_000,
            "upstream_us": 11_000,
            "bytes_in": 120,
            "bytes_out": 340,
            "units": 1,
            "error_class": "",
            **more,
        }
        event = self._add(
            UsageEvent(
                id=values.pop("id", ids.lowest_receipt(at) + ids.receipt_id()[14:]),
                request_id=ids.lowest_request(at) + ids.request_id()[14:],
                at=at,
                organisation_id=key.organisation_id,
                key_id=key.id,
                integration_id=integration.id,
                tool=tool,
                status=status,
                **values,
            )
        )
        self.total(event)
        return event

    def attempt(self, *, organisation=None, key=None, reason="incomplete_key", address="127.0.0.1", at=None) -> Attempt:
        return self._add(
            Attempt(
                id=ids.request_id(),
                at=at or self.now,
                organisation_id=organisation and organisation.id,
                key_id=key and key.id,
                address_digest=crypto.keyed_digest("for development only", "address", address),
                reason=reason,
                http_status=401,
                path="/mcp/sampler",
                key_hint=key.prefix if key else "",
            )
        )

    def hours_ago(self, hours: float) -> datetime:
        return self.now - timedelta(hours=hours)

    def total(self, event: UsageEvent, most=_NO_BOUNDS) -> None:
        """Add an event to hours and days, by the gateway's own statements, in the session's transaction. most: as Tally
        takes it.
        """
        dialect = self.session.get_bind().dialect
        tally = Tally([Entry(issuing.row_of(event))], zone="" if dialect.name == "sqlite" else "+00", most=most)
        cursor = self.session.connection().connection.cursor()
        if dialect.name not in _totals:
            inserts = INSERTS[dialect.name]
            _totals[dialect.name] = {name: Prepared(getattr(inserts, name), dialect) for name in TOTALS}
        for name, prepared in _totals[dialect.name].items():
            prepared.run(cursor, getattr(tally, name))
        cursor.close()

    def _add(self, thing):
        self.session.add(thing)
        self.session.flush()
        return thing
