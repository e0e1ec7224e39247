"""What a client is put through: the full server when all is well, and each way in which a call is refused.

A new kind of refusal is one more entry in REFUSALS: where the client goes with which key, and the words it must show.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.keys import services as keys
from app.limits import services as limits
from tests.conformance.proxies import breaking_proxy
from tests.conformance.stage import Stage, register, stage
from tests.sandbox.processes import free_port

TEXT, PROGRESS, FAILS, UNKNOWN = "test_simple_text", "test_tool_with_progress", "test_error_handling", "no_such_tool"
"""Tools of the full server, but the last."""

ALL_WELL = "all is well"


@dataclass(frozen=True)
class Visit:
    """A client connects to `url` with `key`, lists the tools, and calls some."""

    url: str
    key: str
    calls: tuple[str, ...] = (TEXT,)


@dataclass(frozen=True)
class Refusal:
    """words: a part of what the gateway says, which has to reach the user. prepare: sets it up, once per stage."""

    name: str
    words: str
    prepare: Callable[[Stage], Visit]


@dataclass
class Setting:
    """A running stage and all visits to pay, by name."""

    stage: Stage
    visits: dict[str, Visit] = field(default_factory=dict)


@contextmanager
def setting(folder: Path) -> Iterator[Setting]:
    """Everything that clients are put through, ready for them."""
    with stage(folder) as on_stage, breaking_proxy(urlsplit(on_stage.upstream).netloc, TEXT) as breaking:
        register(on_stage.make, "breaking", f"{breaking}/mcp")
        register(on_stage.make, "down", on_stage.upstream, moves_to=f"http://127.0.0.1:{free_port()}/mcp")
        made = Setting(on_stage)
        made.visits[ALL_WELL] = Visit(on_stage.url, on_stage.secret, (TEXT, PROGRESS, FAILS, UNKNOWN))
        for refusal in REFUSALS:
            made.visits[refusal.name] = refusal.prepare(on_stage)
        yield made


def _revoked(on_stage: Stage) -> Visit:
    secrets: list[str] = []
    make = on_stage.make
    keys.revoke(make.session, key=make.key(secret=secrets), person_id=None, now=make.now)
    make.session.commit()
    return Visit(on_stage.url, secrets[0])


def _breaking(on_stage: Stage) -> Visit:
    return Visit(on_stage.url_of("breaking"), on_stage.secret)


def _down(on_stage: Stage) -> Visit:
    return Visit(on_stage.url_of("down"), on_stage.secret)


def _used_up(on_stage: Stage) -> Visit:
    return _without(on_stage, "month")


def _too_often(on_stage: Stage) -> Visit:
    return _without(on_stage, "minute")


def _without(on_stage: Stage, period: str) -> Visit:
    """With a key that may make no calls in any such period: a rate is for all requests, an allowance for calls."""
    secrets: list[str] = []
    make = on_stage.make
    selection = limits.Selection(key=make.key(secret=secrets))
    limits.set_limit(make.session, selection=selection, measure="calls", period=period, most=0, now=make.now)
    make.session.commit()
    return Visit(on_stage.url, secrets[0])


def _out_of_reach(on_stage: Stage) -> Visit:
    secrets: list[str] = []
    make = on_stage.make
    make.key(secret=secrets, scopes=["down"])
    make.session.commit()
    return Visit(on_stage.url, secrets[0])


REFUSALS = (
    Refusal("key revoked", "The key was revoked", _revoked),
    Refusal("allowance used", "That is used up", _used_up),
    Refusal("rate used up", "0 calls a minute", _too_often),
    Refusal("scope missing", "needs the scope “full”", _out_of_reach),
    # Once a server has failed often enough, the gateway’s words are others; its name is always in them.
    Refusal("server breaks off", "“Breaking”", _breaking),
    Refusal("server down", "“Down”", _down),
)
