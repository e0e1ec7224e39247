"""What is kept of people, column by column: which part of an export holds it, and what erasing somebody does to it.

A column that says who somebody is, or refers to a person, has its line here (tests/rules/test_personal.py); that the
lines are true is tried in tests/admin/test_erasing.py.
"""

from typing import NamedTuple

GONE = "gone"
"""Their rows are deleted."""
EMPTIED = "emptied"
"""The rows stay, with nothing in this column, or ERASED for a name."""
ID = "stays: an id, and whose it is is forgotten with the person"
SEALED = "stays: the audit trail is sealed; pages and files show nobody there"
BOOKS = "stays: books have to be kept as they were"
ORGANISATIONS = "stays: it says how an organisation's keys were used, not who used them"
OTHERS = "stays: it is about something else"
SHORT = "stays: it goes by itself within days"


class Decision(NamedTuple):
    """erased: GONE, EMPTIED, or why it stays. export: the part of an export that holds it; "" for none."""

    erased: str
    export: str = ""


DECISIONS = {
    "person.name": Decision(EMPTIED, "person"),
    "person.email": Decision(EMPTIED, "person"),
    "identity.person_id": Decision(GONE, "identities"),
    "identity.subject": Decision(GONE, "identities"),
    "identity.label": Decision(GONE, "identities"),
    "browser_session.person_id": Decision(GONE, "sessions"),
    "browser_session.data": Decision(GONE),
    "browser_session.user_agent": Decision(GONE, "sessions"),
    "browser_session.address": Decision(GONE, "sessions"),
    "sign_in_try.address_digest": Decision(SHORT),
    "membership.person_id": Decision(GONE, "organisations"),
    "former_member.person_id": Decision(GONE, "former_organisations"),
    "invitation.email": Decision(GONE, "invitations"),
    "invitation.created_by": Decision(EMPTIED, "acts"),
    "invitation.created_by_id": Decision(ID, "acts"),
    "mail.recipient": Decision(GONE, "mail"),
    "mail.context": Decision(GONE),
    "mail_refusal.address": Decision(GONE, "mail_refused"),
    "organisation.name": Decision(EMPTIED, "organisations"),
    "organisation.slug": Decision(EMPTIED, "organisations"),
    "organisation.billing_email": Decision(EMPTIED, "bills_to"),
    "organisation.stopped_words": Decision(OTHERS),
    "former_slug.slug": Decision(GONE),
    "organisation_note.person_id": Decision(ID),
    "organisation_note.words": Decision(GONE, "organisations"),
    "audit_entry.person_id": Decision(ID, "acts"),
    "audit_entry.subject_id": Decision(ID, "about"),
    "audit_entry.actor": Decision(SEALED, "acts"),
    "audit_entry.address": Decision(SEALED, "acts"),
    "audit_entry.client": Decision(SEALED, "acts"),
    "audit_entry.details": Decision(SEALED, "acts"),
    "webhook_delivery.body": Decision(SHORT),
    "api_key.created_by_id": Decision(ID, "acts"),
    "api_key.owner_id": Decision(ID, "keys"),
    "api_key.disabled_by_id": Decision(ID, "acts"),
    "api_key.last_address": Decision(ORGANISATIONS),
    "api_key.last_client": Decision(ORGANISATIONS),
    "key_sighting.address": Decision(ORGANISATIONS),
    "key_sighting.client": Decision(ORGANISATIONS),
    "secret_use.address": Decision(ORGANISATIONS),
    "secret_use.client": Decision(ORGANISATIONS),
    "attempt.address_digest": Decision(SHORT),
    "admin_key.created_by_id": Decision(ID, "acts"),
    "checkout.person_id": Decision(ID, "acts"),
    "auto_top_up.agreed_by": Decision(ID, "acts"),
    "billing_account.email": Decision(BOOKS, "bills_to"),
    "stripe_event.payload": Decision(BOOKS),
    "subscription.next_by": Decision(OTHERS),
    "limit_raise.person_id": Decision(ID, "acts"),
    "leak_drill.person_id": Decision(ID, "acts"),
    "use_alert.seen_by_id": Decision(ID, "acts"),
    "leak_find.reporter": Decision(OTHERS),
    "plan_version.person_id": Decision(ID, "acts"),
    "tool_change.decided_by_id": Decision(ID, "acts"),
    "limit_rule.set_by": Decision(OTHERS),
    "organisation_provider.label": Decision(OTHERS),
    "organisation_provider.client_id": Decision(OTHERS),
    "organisation_provider.client_secret": Decision(OTHERS),
    "idempotent_call.claimed_by": Decision(OTHERS),
    "audit_entry.actor_kind": Decision(OTHERS),
    "alert_setting.by_mail": Decision(OTHERS),
}
"""By table and column. OTHERS: columns that sound like people and are not about any."""
