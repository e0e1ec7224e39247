"""Pins: which definitions of tools were approved, and what becomes of those that change. Why so: docs/adr/0012.

A gateway serves what was approved and nothing else. What differs from it is held and written down as a ToolChange; a
person decides (approvals.py).
"""

import logging
from collections.abc import Sequence

from app.integrations import models, queries
from app.integrations.discovery import FoundTool
from app.integrations.models import Tool, ToolChange
from app.integrations.trail import Trail

log = logging.getLogger(__name__)


def record(trail: Trail, found: Sequence[FoundTool]) -> list[ToolChange]:
    """Compare what was found with what is known, hold what differs, and write each difference down.

    Gives the new changes, in the order found, those that vanished last. Nothing is approved here.
    """
    known = {tool.name: tool for tool in queries.tools_of(trail.session, trail.integration)}
    before = {name: (tool.state, tool.digest) for name, tool in known.items()}
    names = {one.name for one in found}
    written = [_compare(trail, known.get(one.name), one) for one in found]
    written += [_vanish(trail, tool) for name, tool in known.items() if name not in names]
    trail.session.flush()
    if any(before[name] != (tool.state, tool.digest) for name, tool in known.items()) or names - known.keys():
        trail.tell_gateways()
    return [change for change in written if change is not None]


def _compare(trail: Trail, tool: Tool | None, found: FoundTool) -> ToolChange | None:
    if tool is None:
        new = Tool(integration_id=trail.integration.id, name=found.name, state=models.NEW, found_at=trail.now)
        return _hold(trail, new, found, state=models.NEW, before="")
    if found.digest == tool.digest:
        _keep(trail, tool, found)
        return None
    if found.digest == tool.found_digest and tool.state in (models.NEW, models.CHANGED):
        _take(trail, tool, found)  # held already
        return None
    if tool.digest:
        return _hold(trail, tool, found, state=models.CHANGED, before=tool.definition)
    return _hold(trail, tool, found, state=models.NEW, before=tool.found)


def _keep(trail: Trail, tool: Tool, found: FoundTool) -> None:
    """It is as approved, still or again."""
    if tool.state != models.APPROVED:
        trail.close(tool.name, models.WITHDRAWN)
        trail.note("tool.restored", tool.name, digest=tool.digest)
        log.info("tool.restored", extra={"integration": trail.integration.slug, "tool": tool.name})
    tool.state = models.APPROVED
    _take(trail, tool, found)


def _hold(trail: Trail, tool: Tool, found: FoundTool, *, state: str, before: str) -> ToolChange:
    trail.close(tool.name, models.WITHDRAWN)
    tool.state = state
    _take(trail, tool, found)
    return _write(trail, tool, kind=state, before=before, after=found.text)


def _vanish(trail: Trail, tool: Tool) -> ToolChange | None:
    if tool.state == models.GONE:
        return None
    trail.close(tool.name, models.WITHDRAWN)
    tool.state = models.GONE
    trail.session.add(tool)
    return _write(trail, tool, kind=models.GONE, before=tool.definition or tool.found, after="")


def _take(trail: Trail, tool: Tool, found: FoundTool) -> None:
    tool.found, tool.found_digest, tool.findings, tool.found_at = found.text, found.digest, found.findings, trail.now
    trail.session.add(tool)


def _write(trail: Trail, tool: Tool, *, kind: str, before: str, after: str) -> ToolChange:
    """Down in the list of changes and in the audit trail; and into the log, aloud if callers notice it."""
    change = ToolChange(
        integration_id=trail.integration.id,
        tool=tool.name,
        kind=kind,
        before=before,
        after=after,
        findings=tool.findings if after else [],
        at=trail.now,
    )
    trail.session.add(change)
    trail.note(f"tool.{kind}", tool.name, digest=tool.found_digest if after else tool.digest)
    level = logging.INFO if kind == models.NEW and not change.findings else logging.WARNING
    extra = {"integration": trail.integration.slug, "tool": tool.name, "findings": len(change.findings)}
    log.log(level, "tool.%s", kind, extra=extra)
    return change
