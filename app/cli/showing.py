"""Tools and their changes as text for a terminal: whatever an integration wrote, nothing in it can act there."""

import difflib
from collections.abc import Iterable

from sqlmodel import Session

from app.core import moments
from app.integrations import canonical, characters, models, poison, queries
from app.integrations.models import Integration, Tool, ToolChange

STATES = {
    models.NEW: "waits for approval",
    models.APPROVED: "approved",
    models.CHANGED: "HELD: has changed",
    models.GONE: "HELD: is gone",
}
DIGEST_LENGTH = 12


def tools(session: Session, integration: Integration) -> str:
    """One line for each tool, with what looks poisoned below, and what to do next."""
    known = queries.tools_of(session, integration)
    lines = [line for tool in known for line in _of_tool(tool)]
    said = integration.server.get("findings", [])
    if said:
        lines += ["What it says of itself, in prompts and resources:", *_findings(said)]
    if any(tool.state != models.APPROVED for tool in known):
        lines.append(f"Look with: postern integration changes {integration.slug}; then: approve or reject.")
    return "\n".join(lines or ["It has no tools."])


def change(integration: Integration, found: ToolChange) -> str:
    """What changed, as a unified diff of the definitions."""
    decision = found.decision or "nobody has decided"
    head = f"{integration.slug}  {characters.shown(found.tool)}  {found.kind}  {moments.words(found.at)}  {decision}"
    names = (f"{found.tool} as approved", f"{found.tool} as found")
    diff = difflib.unified_diff(_lines(found.before), _lines(found.after), *names, lineterm="", n=2)
    return "\n".join([head, *_findings(found.findings), *(characters.shown(line) for line in diff)])


def held_in_words(session: Session, integration: Integration) -> str:
    """“  3 tools wait”, or nothing; and why the integration could not be looked at."""
    waiting = [tool for tool in queries.tools_of(session, integration) if tool.state != models.APPROVED]
    words = f"  {len(waiting)} {'tool waits' if len(waiting) == 1 else 'tools wait'} for a decision" if waiting else ""
    return words + (f"  ({integration.check_error})" if integration.check_error else "")


def _of_tool(tool: Tool) -> list[str]:
    name = f"{characters.shown(tool.name)}@{tool.found_digest[:DIGEST_LENGTH]}"
    return [f"{STATES[tool.state]:<19} {name}", *_findings(tool.findings)]


def _findings(findings: Iterable[dict[str, str]]) -> list[str]:
    return [f"    {one['path']}: {poison.KINDS.get(one['kind'], one['kind'])}: {one['excerpt']}" for one in findings]


def _lines(definition: str) -> list[str]:
    return canonical.lines(canonical.parse(definition.encode())) if definition else []
