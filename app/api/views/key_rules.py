"""What an organisation asks of all its keys, and what leaked of them."""

from app.api import cursors
from app.api import queries as lists
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.key_schemas import (
    KeyRules,
    KeyRulesChanged,
    LeakFilters,
    LeakPage,
    LeakPolicyChanged,
    LeakPolicyTold,
    LeakTold,
)
from app.keys import lifetimes
from app.leaks import queries, services
from app.leaks.models import LeakFind

RULES, LEAKS, POLICY = "/keys/rules", "/leaks", "/leaks/policy"


@endpoint("GET", RULES, "keys:read", "How long keys may live", answer=KeyRules)
def get_key_rules() -> KeyRules:
    return _rules()


@endpoint("PATCH", RULES, "organisation:write", "Say how long keys may live", body=KeyRulesChanged, answer=KeyRules)
def change_key_rules(body: KeyRulesChanged) -> KeyRules:
    known = lifetimes.longest_days(current.session, current.organisation.id)
    if "longest_days" in body.model_fields_set and body.longest_days != known:
        lifetimes.set_longest(
            current.session,
            organisation=current.organisation,
            days=body.longest_days,
            person_id=None,
            now=current.now,
        )
    return _rules()


@endpoint("GET", LEAKS, "keys:read", "Keys that were found in public", query=LeakFilters, answer=LeakPage)
def list_leaks(query: LeakFilters) -> LeakPage:
    found = lists.finds_after(
        current.session,
        current.organisation,
        key_id=query.key_id,
        after=cursors.read(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = cursors.cut(found, query.limit, lambda find: (find.found_at, find.id))
    return LeakPage(items=[_find(find) for find in shown], next_cursor=following)


@endpoint("GET", POLICY, "keys:read", "What is done with keys that leak", answer=LeakPolicyTold)
def get_leak_policy() -> LeakPolicyTold:
    return LeakPolicyTold(act=queries.act_of(current.session, current.organisation.id))


@endpoint(
    "PATCH", POLICY, "organisation:write", "Say what is done with keys that leak",
    body=LeakPolicyChanged, answer=LeakPolicyTold,
)  # fmt: skip
def change_leak_policy(body: LeakPolicyChanged) -> LeakPolicyTold:
    known = queries.act_of(current.session, current.organisation.id)
    if body.act not in (None, known):
        services.choose(
            current.session, organisation=current.organisation, act=body.act or known, person_id=None, now=current.now
        )
    return LeakPolicyTold(act=queries.act_of(current.session, current.organisation.id))


def _rules() -> KeyRules:
    return KeyRules(longest_days=lifetimes.longest_days(current.session, current.organisation.id))


def _find(find: LeakFind) -> LeakTold:
    return LeakTold(
        id=find.id,
        key_id=find.key_id,
        admin_key_id=find.admin_key_id,
        hint=find.hint,
        source=find.source,
        url=find.url,
        reporter=find.reporter,
        did=find.did,
        found_at=find.found_at,
    )
