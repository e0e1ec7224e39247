"""The sample integrations, put behind the gateway at the ports that `postern run` uses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from app.core import clock
from app.core.config import ROOT, Settings
from app.core.errors import NotFound
from app.integrations import approvals, queries, refreshing, services
from app.integrations.refreshing import Means
from app.integrations.trail import Trail
from app.plans import applying, reading
from app.plans import queries as plans
from app.plans.applying import When


@dataclass(frozen=True, slots=True)
class _Sample:
    slug: str
    name: str
    summary: str
    example_tool: str
    example_arguments: str


_SAMPLER = _Sample(
    slug="sampler",
    name="Sampler",
    summary="Small honest tools to try a gateway with: a greeting, a word count, progress, a picture, a failure.",
    example_tool="greet",
    example_arguments='{"name": "world"}',
)
_CLOCK = _Sample(
    slug="clock",
    name="Clock",
    summary="What time it is anywhere: the public mcp-server-time, bridged from stdio.",
    example_tool="get_current_time",
    example_arguments='{"timezone": "UTC"}',
)


SLUGS = (_SAMPLER.slug, _CLOCK.slug)
"""The samples; the processes behind them are called the same."""


def seed(session: Session, *, settings: Settings, now: datetime) -> None:
    """Add the samples, or move them to where they run now; and the plans, where there are none. Safe to repeat."""
    _place(session, _SAMPLER, port=settings.sampler_port, now=now)
    _place(session, _CLOCK, port=settings.clock_port, now=now + timedelta(milliseconds=1))  # listed second
    if not plans.newest(session):
        applying.apply(session, reading.from_file(ROOT / "plans.toml"), when=When(now), now=now)


def approve(session: Session, slug: str, means: Means) -> str:
    """Ask a sample for its tools and approve them, since they come with Postern; why that failed, or "".

    Commits before it asks; the last commit is the caller's.
    """
    integration = queries.by_slug(session, slug)
    looked = refreshing.refresh(session, integration, means, clock=clock.now)
    if not looked.error:
        tools = [tool for tool in queries.tools_of(session, integration) if not tool.findings]
        approvals.approve(Trail(session, integration, clock.now()), tools)
    return looked.error


def _place(session: Session, sample: _Sample, *, port: int, now: datetime) -> None:
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        integration = queries.by_slug(session, sample.slug)
    except NotFound:
        services.add(
            session,
            slug=sample.slug,
            name=sample.name,
            summary=sample.summary,
            upstream_url=url,
            example_tool=sample.example_tool,
            example_arguments=sample.example_arguments,
            now=now,
        )
        return
    if integration.upstream_url != url:
        services.move(session, integration=integration, upstream_url=url, now=now)
