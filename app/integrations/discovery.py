"""What an MCP server is: its revisions, what it says of itself, and its tools, looked through for poison."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Invalid, Unavailable
from app.core.net import Guard, NoAnswer
from app.integrations import canonical, characters, poison
from app.integrations.canonical import Json
from app.integrations.conversation import HANDSHAKE, MODERN, Conversation, Declined, LockedOut
from app.integrations.poison import Finding
from app.integrations.suspicions import Names

WITHIN_S = 20.0
"""For everything that is asked of one server."""
MAX_NAME = 128
MAX_SERVER = 256 * 1024
"""Characters of what a server says of itself, tools left out."""


_LISTS = (
    ("prompts/list", "prompts"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
)


@dataclass(frozen=True, slots=True)
class FoundTool:
    """A tool as it is now. text: its definition, as canonical.py writes it; digest: canonical.digest of it."""

    name: str
    text: str
    digest: str
    findings: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Found:
    """versions: revisions that it was found to speak, newest first. server: capabilities, serverInfo, instructions,
    and under “findings” what looked poisoned in these, in prompts and in resources.
    """

    versions: list[str]
    server: dict[str, Any]
    tools: list[FoundTool]


@dataclass(slots=True)
class _Said:
    """Of itself, in either era."""

    versions: list[str] = field(default_factory=list)
    about: dict[str, Json] = field(default_factory=dict)


def look(
    guard: Guard,
    url: str,
    *,
    headers: Mapping[str, str],
    other_tools: Iterable[str] = (),
    known: Sequence[str] = (),
    within_s: float = WITHIN_S,
) -> Found:
    """Ask the server at `url` for everything. Blocks; raises Unavailable and Invalid, in words for an operator.

    headers: its credential. other_tools: names of the tools of all other integrations. known: revisions that it spoke
    when last looked at; without them, all are tried.
    """
    talk = Conversation(guard, url, headers=headers, within_s=within_s)
    try:
        said = _introduce(talk, known)
        has = said.about.get("capabilities")
        has = has if isinstance(has, dict) else {}
        definitions = talk.pages("tools/list", "tools") if "tools" in has else []
        texts = _texts(talk, has)
    finally:
        talk.end()
    return _judged(said, definitions, texts, other_tools)


def _introduce(talk: Conversation, known: Sequence[str]) -> _Said:
    """Leaves the talk in the newest revision that works. Raises what kept it from working in any."""
    said = _Said()
    if not known or known[0] in MODERN:
        try:
            said.about = talk.discover()
            offered = said.about.get("supportedVersions")
            said.versions = [one for one in MODERN if isinstance(offered, list) and one in offered]
        except LockedOut:
            raise
        except (Declined, Invalid):
            pass  # it is of the handshake era
    if known and said.versions:
        said.versions = list(known)
        return said
    return _shake_hands(talk, said)


def _shake_hands(talk: Conversation, said: _Said) -> _Said:
    """Which revisions of the older era it speaks besides."""
    is_modern = bool(said.versions)
    problem: Unavailable | Invalid | None = None
    for version in HANDSHAKE:
        if version in said.versions:
            continue
        try:
            about = talk.initialize(version)
        except NoAnswer:
            if not is_modern:
                raise
            break
        except (Unavailable, Invalid) as caught:
            problem = problem or caught
            break
        if about["protocolVersion"] not in said.versions:
            said.versions.append(about["protocolVersion"])
        said.about = said.about if is_modern else about
        talk.end()
    if not said.versions:
        raise problem or Declined("It speaks no revision of MCP that Postern knows.")
    said.versions.sort(reverse=True)
    _resume(talk, said)
    return said


def _resume(talk: Conversation, said: _Said) -> None:
    """Go on in the newest revision found."""
    if said.versions[0] in MODERN:
        talk.resume_modern()
    else:
        talk.initialize(said.versions[0])


def _texts(talk: Conversation, has: Mapping[str, Json]) -> dict[str, list[Json]]:
    """Prompts and resources, to be looked through; what it refuses to list is not there to poison anybody."""
    found: dict[str, list[Json]] = {}
    for method, key in _LISTS:
        if method.partition("/")[0] in has:
            try:
                found[key] = talk.pages(method, key)
            except (Declined, Invalid):
                found[key] = []
    return found


def _judged(said: _Said, definitions: list[Json], texts: Mapping[str, list[Json]], other_tools: Iterable[str]) -> Found:
    about = _about(said.about)
    if len(canonical.text(about)) > MAX_SERVER:
        raise Invalid("It says more of itself than anybody would read.")
    named, complaints = _named(definitions)
    elsewhere = Names(other_tools)
    everywhere = Names([*other_tools, *named])
    tools = [
        FoundTool(
            name,
            canonical.text(definition),
            canonical.digest(definition),
            [finding.kept() for finding in poison.of_tool(definition, everywhere)],
        )
        for name, definition in named.items()
    ]
    findings = [*complaints, *poison.of_server({**about, **texts}, elsewhere)]
    return Found(said.versions, {**canonical.plain(about), "findings": [one.kept() for one in findings]}, tools)


def _about(said: Mapping[str, Json]) -> dict[str, Json]:
    """What is kept of it. From 2026-07-28 on, serverInfo stands in _meta."""
    about = {key: said[key] for key in ("capabilities", "serverInfo", "instructions") if key in said}
    meta = said.get("_meta")
    info = meta.get("io.modelcontextprotocol/serverInfo") if isinstance(meta, dict) else None
    return {"serverInfo": info, **about} if info is not None else about


def _named(definitions: list[Json]) -> tuple[dict[str, dict[str, Json]], list[Finding]]:
    """Tools by name, and complaints about those that can't be told by theirs."""
    found: dict[str, dict[str, Json]] = {}
    complaints = []
    double: set[str] = set()
    for index, definition in enumerate(definitions):
        name = definition.get("name") if isinstance(definition, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or characters.shown(name) != name:
            excerpt = characters.excerpt(name) if isinstance(name, str) else ""
            complaints.append(Finding(f"$.tools[{index}].name", "unusable_name", excerpt))
        elif name in found:
            double.add(name)
            complaints.append(Finding(f"$.tools[{index}].name", "double_name", characters.excerpt(name)))
        else:
            found[name] = definition
    return {name: found[name] for name in found if name not in double}, complaints
