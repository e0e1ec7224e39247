"""What `postern run` starts: one entry per process, as data."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.config import PREFIX, Settings
from app.sandbox import directory

GIVES_WAY = 10  # nobody waits for these as for the pages and the gateway
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "localhost")  # noqa: S104  (recognised, not bound)


@dataclass(frozen=True)
class Command:
    """A process to keep running.

    about: for whoever starts it, (address, what it is). ports: what it listens on, by the setting that moves it.
    ready_url: answers 200 once it works; without one it counts as ready when it runs. nice: how much it gives way to
    the others, 0 to 19.
    """

    name: str
    argv: tuple[str, ...]
    about: tuple[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)
    ready_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    nice: int = 0


def all_of(settings: Settings) -> list[Command]:
    """Every process, the one that people wait for first."""
    host = _LOOPBACK if settings.bind_host in _EVERYWHERE else settings.bind_host
    stripe = directory.stripe_environment(settings)
    return [
        Command(
            "portal",
            _module("gunicorn", "-c", "python:app.web.gunicorn", "app.portal:create_app()"),
            (settings.portal_url, "the pages: sign in, keys, usage"),
            _ports(settings, "portal_port", "portal_metrics_port"),
            f"http://{host}:{settings.portal_port}/readyz",
            _portal_environment(settings) | stripe,
        ),
        Command(
            "gateway",
            _module("app.gateway"),
            (f"{settings.gateway_url}/k/…/mcp", "what MCP clients call"),
            _ports(settings, "gateway_port", "gateway_metrics_port"),
            f"http://{host}:{settings.gateway_port}/readyz",
        ),
        Command("worker", _module("app.jobs"), ("", "work that can wait"), environment=stripe, nice=GIVES_WAY),
        Command(
            "identity",
            _module("app.sandbox.identity"),
            (directory.issuer(settings), "signs people in (Canaille, in memory)"),
            _ports(settings, "identity_port"),
            f"{directory.issuer(settings)}/.well-known/openid-configuration",
            nice=GIVES_WAY,
        ),
        Command(
            "sampler",
            _module("app.sandbox.sampler"),
            (f"http://127.0.0.1:{settings.sampler_port}/mcp", "a sample MCP server"),
            _ports(settings, "sampler_port"),
            f"http://127.0.0.1:{settings.sampler_port}/healthz",
            nice=GIVES_WAY,
        ),
        Command(
            "clock",
            _module("app.sandbox.bridge", "--port", str(settings.clock_port), "--", *_module("mcp_server_time")),
            (f"http://127.0.0.1:{settings.clock_port}/mcp", "mcp-server-time, bridged from stdio"),
            _ports(settings, "clock_port"),
            f"http://127.0.0.1:{settings.clock_port}/healthz",
            nice=GIVES_WAY,
        ),
        *([_stripe(settings)] if directory.has_stripe(settings) else []),
    ]


def _stripe(settings: Settings) -> Command:
    url = directory.stripe_url(settings)
    about = (url, "stands in for Stripe: cards, invoices, a clock to move")
    arguments = ("--port", str(settings.stripe_port), "--portal-url", settings.portal_url)
    argv = _module("app.sandbox.stripe", *arguments, "--database", str(settings.data_dir / "stripe.db"))
    return Command("stripe", argv, about, _ports(settings, "stripe_port"), f"{url}/_health", nice=GIVES_WAY)


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def _ports(settings: Settings, *names: str) -> dict[str, int]:
    return {f"{PREFIX}{name.upper()}": getattr(settings, name) for name in names}


def _portal_environment(settings: Settings) -> dict[str, str]:
    """The stand-in among its providers; and one process, unless more are asked for, because it is sooner there."""
    providers = [*settings.oidc_providers, directory.provider(settings)]
    shown = [{**each.model_dump(), "client_secret": each.client_secret.get_secret_value()} for each in providers]
    workers = settings.portal_workers if "portal_workers" in settings.model_fields_set else 1
    return {f"{PREFIX}OIDC_PROVIDERS": json.dumps(shown), f"{PREFIX}PORTAL_WORKERS": str(workers)}
