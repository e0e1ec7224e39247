"""Deciding about tools: which are served as they were found, which stay held, and what test keys are answered."""

import json
from collections.abc import Iterable, Mapping

from sqlmodel import Session

from app.core.errors import Invalid, NotFound
from app.integrations import models, queries
from app.integrations.models import Integration, Tool
from app.integrations.trail import Trail


def approve(trail: Trail, tools: Iterable[Tool]) -> list[Tool]:
    """Serve each as it was found last; one that has vanished is forgotten. Gives those that were not so before."""
    moved = [tool for tool in tools if tool.state != models.APPROVED]
    for tool in moved:
        trail.close(tool.name, models.APPROVED)
        if tool.state == models.GONE:
            trail.session.delete(tool)
        else:
            tool.definition, tool.digest = tool.found, tool.found_digest
            tool.state, tool.approved_at = models.APPROVED, trail.now
            trail.session.add(tool)
        trail.note("tool.approved", tool.name, digest=tool.found_digest)
    if moved:
        trail.tell_gateways()
    return moved


def reject(trail: Trail, tools: Iterable[Tool]) -> list[Tool]:
    """Say no to what was found: it stays held, and nobody is asked again until it differs once more.

    Gives those that somebody had yet to decide about.
    """
    undecided = [tool for tool in tools if trail.close(tool.name, models.REJECTED)]
    for tool in undecided:
        trail.note("tool.rejected", tool.name, digest=tool.found_digest)
    trail.session.flush()
    return undecided


def chosen(session: Session, *, integration: Integration, typed: Iterable[str]) -> list[Tool]:
    """Tools by what somebody typed: their names, or name@digest for exactly what was looked at.

    Raises NotFound for a name that is not there, Invalid when what was found has another digest.
    """
    known = {tool.name: tool for tool in queries.tools_of(session, integration)}
    found = []
    for text in typed:
        name, digest = (text, "") if text in known else text.rsplit("@", 1) if "@" in text else (text, "")
        tool = known.get(name)
        if tool is None:
            raise NotFound(f"“{integration.slug}” has no tool called “{name}”.")
        if digest and not tool.found_digest.startswith(digest):
            raise Invalid(f"“{name}” has changed: what was found last is {tool.found_digest[:12]}. Look at it again.")
        found.append(tool)
    return found


def set_sample(trail: Trail, tool: Tool, text: str) -> None:
    """Answer calls with test keys by this result from now on; "" for one made up. Raises Invalid."""
    if text:
        _check_sample(text)
    tool.sample_answer = text
    trail.session.add(tool)
    trail.note("tool.sample_set" if text else "tool.sample_cleared", tool.name)
    trail.tell_gateways()


def _check_sample(text: str) -> None:
    """It must be what a tool answers with: {"content": […]}."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping) or not isinstance(value.get("content"), list):
        raise Invalid('A sample is the result of a call, as JSON: {"content": [{"type": "text", "text": "…"}]}.')
