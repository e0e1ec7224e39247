"""What was decided about a request that is no event: refused, free, answered as before, or not made."""

import re
from collections.abc import Iterator

from sqlmodel import Session

from app.integrations.models import Integration
from app.metering import attempts, crowds, explaining_words
from app.metering.models import Attempt, Crowd

_MASKED = re.compile(r"([a-z][a-z0-9]{1,9}_(?:live|test)_)……")
"""The readable start of a key, quoted with an ellipsis of its own, as it is once kept (gateway/meter.py: storable)."""

_DECIDED = {
    crowds.LET_IN: "let in, and free: only calls of tools are counted",
    crowds.REPLAYED: "a retry, answered as its first try was, and neither made nor charged again",
    crowds.DECLINED: "let in, but not made and not charged",
    crowds.ARRAY: "an array, taken apart into requests of their own, whose receipts and ids its answers carry",
    crowds.ASKED: "let in; the integration asked for input, so this is no call yet: the next request is, and counts",
    crowds.WITHHELD: "let in and made, but it could not be written down: its answer was withheld, and it costs nothing",
}
_WHY_NOT_MADE = {
    "failing": "the integration kept failing, and was left alone for a while.",
    "not_recorded": "calls could not be written down just then.",
}


def of(session: Session, request_id: str, *, kept_hours: int, addresses: dict[str, str]) -> Iterator[str]:
    """Lines about the request; none when nothing is known of it. kept_hours, addresses: as for explaining.of."""
    attempt = session.get(Attempt, request_id)
    crowd = crowds.of_request(session, request_id) if attempt is None else None
    if attempt is not None:
        yield f"{attempt.id}: refused with HTTP {attempt.http_status}, and not charged ({attempt.reason})."
        yield f"  When:    {attempt.at:%Y-%m-%d %H:%M:%S.%f} UTC."
        yield from _refusal(session, attempt, addresses)
    elif crowd is not None and crowd.decision == crowds.REFUSED:
        yield f"{request_id}: refused with HTTP {crowd.http_status}, and not charged ({crowd.reason})."
        yield f"  When:    {_when(crowd)}"
        yield from _refusal(session, crowd, addresses)
    elif crowd is not None:
        yield f"{request_id}: {_DECIDED[crowd.decision]}."
        yield f"  When:    {_when(crowd)}"
        yield from _passing(session, crowd)
    if attempt is not None or crowd is not None:
        yield f"  What makes no event is kept for {kept_hours} hours."


def _refusal(session: Session, one: Attempt | Crowd, addresses: dict[str, str]) -> Iterator[str]:
    told = attempts.explain(one.reason, path=one.path or "that address", **addresses)
    if one.organisation_id is not None and one.key_id is not None:
        yield f"  Whose:   {explaining_words.whose(session, one.organisation_id, one.key_id)}."
    of_tool = f" of “{one.tool}”" if one.tool else ""
    at_path = f" at {one.path}" if one.path else ""
    yield f"  Asked:   {one.method or 'a request'}{of_tool}{at_path}."
    yield f"  Policy:  version {one.policy_version}."
    yield f"  Why:     {_why(told.title, one.detail, one.key_hint)}"
    if one.rule_id is not None:
        yield f"  Rule:    {explaining_words.decided_by(session, one.rule_id)}."
    yield f"  To do:   {told.what_to_do}"


def _passing(session: Session, crowd: Crowd) -> Iterator[str]:
    if crowd.organisation_id is None or crowd.key_id is None:
        yield "  Whose:   not kept: too many different requests came at once."
    else:
        yield f"  Whose:   {explaining_words.whose(session, crowd.organisation_id, crowd.key_id)}."
        yield f"  Asked:   {_asked(session, crowd)}."
    yield f"  Policy:  version {crowd.policy_version}."
    if crowd.decision == crowds.LET_IN:
        yield f"  Limits:  {explaining_words.limits(session, crowd.rules)}"
    if crowd.reason:
        yield f"  Why:     {_WHY_NOT_MADE.get(crowd.reason, crowd.reason)}"
    if crowd.decision == crowds.REPLAYED:
        yield f"  First:   {crowd.receipt}, which `postern explain` tells about."


def _asked(session: Session, crowd: Crowd) -> str:
    if crowd.path:
        return f"{crowd.method} {crowd.path}…"
    of_tool = f" of “{crowd.tool}”" if crowd.tool else ""
    integration = session.get(Integration, crowd.integration_id) if crowd.integration_id is not None else None
    where = integration.slug if integration is not None else "all integrations at once"
    return f"{crowd.method or 'several things'}{of_tool} at {where}"


def _when(crowd: Crowd) -> str:
    if crowd.count == 1:
        return f"{crowd.at:%Y-%m-%d %H:%M:%S.%f} UTC."
    until = f"{crowd.at:%Y-%m-%d %H:%M:%S} and {crowd.last_at:%H:%M:%S} UTC"
    return f"between {until}; one of {crowd.count:,} alike, which are kept together, with the words of the first."


def _why(title: str, detail: str, key_hint: str) -> str:
    """One sentence or more, each with its full stop. A masked key is shown by its readable start, if that was kept."""
    detail = _MASKED.sub(f"{key_hint}…" if key_hint else r"\1…", detail)
    said = f"{title}: {detail}" if detail else title
    return said if said.endswith((".", "!", "?")) else said + "."
