"""What stands beside each other in most parts: the upstream itself, nginx in front of it, and the gateway."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import fetch, nginx, world
from bench.measure import Plan
from bench.processes import Process, running
from bench.world import World

ROOT = Path(__file__).parents[1]
DIRECT, NGINX, GATEWAY = "direct", "nginx", "gateway"


@dataclass(frozen=True, slots=True)
class Target:
    """A process that answers MCP at `url`."""

    name: str
    process: Process
    url: str


@contextmanager
def beside_each_other(
    plan: Plan, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[World, list[Target]]]:
    """The world of the gateway, and direct, nginx (where there is one) and gateway. settings: of the gateway, besides.

    What is measured has a core of its own; the load and the upstream behind it share the other. For direct calls there
    is a second upstream on the measured core, so that the load is as far from it as from the others.
    """
    measured, load = plan.cores.measured, plan.cores.load
    with ExitStack() as stack:
        _, upstream_url = stack.enter_context(nginx.upstream(plan.tools, name="upstream", folder=folder, core=load))
        place = world.create(folder, upstream_url=upstream_url)
        stack.callback(place.engine.dispose)
        direct = stack.enter_context(nginx.upstream(plan.tools, name=DIRECT, folder=folder, core=measured))
        targets = [Target(DIRECT, *direct)]
        if plan.tools.nginx:
            proxy = nginx.proxy(plan.tools.nginx, upstream_url, folder=folder, core=measured)
            targets.append(Target(NGINX, *stack.enter_context(proxy)))
        targets.append(stack.enter_context(gateway(place, folder, measured, settings)))
        yield place, targets


@contextmanager
def gateway(
    place: World, folder: Path, core: int | None, settings: Mapping[str, str] | None = None, *, name: str = GATEWAY
) -> Iterator[Target]:
    """`python -m app.gateway` with the settings of `place` and those given."""
    address = f"http://127.0.0.1:{place.gateway_port}"
    with running(
        name,
        [sys.executable, "-m", "app.gateway"],
        folder=folder,
        environment={**place.environment, **(settings or {})},
        cwd=ROOT,
        core=core,
        is_ready=lambda: fetch.answers(f"{address}/readyz"),
    ) as process:
        yield Target(name, process, f"{address}/mcp/{world.SLUG}")
