"""What was decided about a request that is no event: refused, free, answered as before, or not made."""

import re
from collections.abc import Iterator
from uuid import UUID

from sqlmodel import Session

from app.integrations.models import Integration
from app.metering import attempts, crowds, explaining_words
from app.metering.models import Attempt, Crowd

_MASKED = re.compile(r"([a-z][a-z0-9]{1,9}_(?:live|test)_)……")
"""The readable start of a key, quoted with an ellipsis of its own, as it is once kept (gateway/meter.py: storable)."""

DECIDED = {
    crowds.LET_IN: "let in, and free: only calls of tools are counted",
    crowds.REPLAYED: "a retry, answered as its first try was, and neither made nor charged again",
    crowds.DECLINED: "let in, but not made and not charged",
    crowds.ARRAY: "an array, taken apart into requests of their own, whose receipts and ids its answers carry",
    crowds.ASKED: "let in; the integration asked for input, so this is no call yet: the next request is, and counts",
    crowds.WITHHELD: "let in and made, but it could not be written down: its answer was withheld, and it costs nothing",
}
"""What was decided about a crowd that was not refused, without a full stop."""
_WHY_NOT_MADE = {
    "failing": "the integration kept failing, and was left alone for a while.",
    "not_recorded": "calls could not be written down just then.",
}


def of(session: Session, request_id: str, *, kept_hours: int, addresses: dict[str, str]) -> Iterator[str]:
    """Lines about the request; none when nothing is known of it. kept_hours, addresses: as for explaining.of."""
    found = kept(session, request_id)
    if found is None:
        return
    if is_refused(found):
        yield f"{request_id}: refused with HTTP {found.http_status}, and not charged ({found.reason})."
        yield f"  When:    {_when(found)}"
        yield from _refusal(session, found, addresses)
    elif isinstance(found, Crowd):
        yield f"{request_id}: {DECIDED[found.decision]}."
        yield f"  When:    {_when(found)}"
        yield from _passing(session, found)
    yield f"  What makes no event is kept for {kept_hours} hours."


def kept(session: Session, request_id: str) -> Attempt | Crowd | None:
    """What is still known of it."""
    return session.get(Attempt, request_id) or crowds.of_request(session, request_id)


def is_refused(found: Attempt | Crowd) -> bool:
    """Whether it was let in at no point."""
    return isinstance(found, Attempt) or found.decision == crowds.REFUSED


def why(title: str, one: Attempt | Crowd) -> str:
    """One sentence or more, each with its full stop. title: of its explanation. A masked key is shown by its readable
    start, if that was kept.
    """
    detail = _MASKED.sub(f"{one.key_hint}…" if one.key_hint else r"\1…", one.detail)
    said = f"{title}: {detail}" if detail else title
    return said if said.endswith((".", "!", "?")) else said + "."


def why_not_made(crowd: Crowd) -> str:
    """Why a crowd that was let in came to nothing, in words; "" for one that did not."""
    return _WHY_NOT_MADE.get(crowd.reason, crowd.reason)


def rule_of(session: Session, one: Attempt | Crowd, rule_id: UUID) -> str:
    """The limit that refused it, without a full stop."""
    return explaining_words.decided_by(session, rule_id, organisation_id=one.organisation_id, at=one.at)


def _refusal(session: Session, one: Attempt | Crowd, addresses: dict[str, str]) -> Iterator[str]:
    told = attempts.explain(one.reason, path=one.path or "that address", **addresses)
    if one.organisation_id is not None and one.key_id is not None:
        yield f"  Whose:   {explaining_words.whose(session, one.organisation_id, one.key_id)}."
    of_tool = f" of “{one.tool}”" if one.tool else ""
    at_path = f" at {one.path}" if one.path else ""
    yield f"  Asked:   {one.method or 'a request'}{of_tool}{at_path}."
    yield f"  Policy:  version {one.policy_version}."
    yield f"  Why:     {why(told.title, one)}"
    if one.rule_id is not None:
        yield f"  Rule:    {rule_of(session, one, one.rule_id)}."
    yield f"  To do:   {told.what_to_do}"


def _passing(session: Session, crowd: Crowd) -> Iterator[str]:
    if crowd.organisation_id is None or crowd.key_id is None:
        yield "  Whose:   not kept: too many different requests came at once."
    else:
        yield f"  Whose:   {explaining_words.whose(session, crowd.organisation_id, crowd.key_id)}."
        yield f"  Asked:   {_asked(session, crowd)}."
    yield f"  Policy:  version {crowd.policy_version}."
    if crowd.decision == crowds.LET_IN and crowd.organisation_id is not None and crowd.key_id is not None:
        whose = {"organisation_id": crowd.organisation_id, "key_id": crowd.key_id}
        yield f"  Limits:  {explaining_words.limits(session, crowd.rules, **whose, at=crowd.at)}"
    if crowd.reason:
        yield f"  Why:     {why_not_made(crowd)}"
    if crowd.decision == crowds.REPLAYED:
        yield f"  First:   {crowd.receipt}, which `postern explain` tells about."


def _asked(session: Session, crowd: Crowd) -> str:
    if crowd.path:
        return f"{crowd.method} {crowd.path}…"
    of_tool = f" of “{crowd.tool}”" if crowd.tool else ""
    integration = session.get(Integration, crowd.integration_id) if crowd.integration_id is not None else None
    where = integration.slug if integration is not None else "all integrations at once"
    return f"{crowd.method or 'several things'}{of_tool} at {where}"


def _when(one: Attempt | Crowd) -> str:
    if isinstance(one, Attempt) or one.count == 1:
        return f"{one.at:%Y-%m-%d %H:%M:%S.%f} UTC."
    until = f"{one.at:%Y-%m-%d %H:%M:%S} and {one.last_at:%H:%M:%S} UTC"
    return f"between {until}; one of {one.count:,} alike, which are kept together, with the words of the first."
