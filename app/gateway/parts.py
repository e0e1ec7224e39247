"""What a gateway is made of, and the order in which it starts and stops."""

import asyncio

from sqlalchemy import Engine

from app.core import net, vault
from app.core.clock import Onward
from app.core.config import Settings
from app.gateway.auth import Authentication
from app.gateway.decisions import Decisions
from app.gateway.eras.desk import Desk
from app.gateway.feed import Feed
from app.gateway.health import Health
from app.gateway.limits import Limits
from app.gateway.metrics import Metrics
from app.gateway.policy import Policy
from app.gateway.proof import Proof
from app.gateway.refusals import Refusals
from app.gateway.repeats import Repeats
from app.gateway.sessions import Sessions
from app.gateway.spool_figures import SpoolFigures
from app.gateway.states import States
from app.gateway.streams import Streams
from app.gateway.tariff import Tariff
from app.gateway.upstream import limits as upstream_limits
from app.gateway.upstream.breaker import Breakers
from app.gateway.upstream.client import Client
from app.limits.keeper import Keeper
from app.metering.notebook import Notebook

STOP_S = 10.0
FIRST_LOOK_S = 5.0


class Parts:
    """One set per process; its threads belong to the loop that `start` runs on."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.breakers = Breakers(on_open=self.metrics.left_alone, on_decline=self.metrics.declined)
        self.policy = Policy()
        self.sessions = Sessions(settings.secret_key.get_secret_value())
        self.states = States(settings.secret_key.get_secret_value())
        self.desk = Desk(
            product_name=settings.product_name,
            policy=self.policy,
            sessions=self.sessions,
            states=self.states,
            breakers=self.breakers,
        )
        self.clock = Onward()
        self.streams = Streams(self.policy, self.clock)
        self.tariff = Tariff(settings)
        self.feed = Feed(
            engine, self.policy, vault.from_settings(settings), tariff=self.tariff, on_change=self.streams.review
        )
        self.authentication = Authentication(settings, policy=self.policy, feed=self.feed, clock=self.clock)
        self.proof = Proof(settings, engine, self.metrics)
        self.recorder = self.proof.recorder
        self.metrics.registry.register(SpoolFigures(self.recorder.stock))
        self.keeper = Keeper(
            engine,
            heartbeat_s=settings.heartbeat_s,
            dead_after_s=settings.dead_after_s,
            is_settled=lambda: not self.recorder.waiting_bytes,
            under_way=lambda: self.recorder.under_way,
            may_bury=lambda: self.recorder.has_adopted(within_s=settings.dead_after_s),
        )
        self.limits = Limits(settings, tariff=self.tariff, keeper=self.keeper)
        self.repeats = Repeats(settings, engine, process_id=lambda: self.keeper.book.name)
        self.notebook = Notebook(engine)
        self.health = Health(engine, feed=self.feed, recorder=self.recorder, max_age_s=settings.policy_max_age_s)
        self.decisions = Decisions(self.policy, self.notebook)
        self.refusals = Refusals(
            settings, policy=self.policy, notebook=self.notebook, decisions=self.decisions, metrics=self.metrics
        )

    async def start(self) -> None:
        """Start the threads and wait a moment for keys and routes; without them everything is refused, and healed
        later.
        """
        settings = self.settings
        limits = upstream_limits.Limits(
            connect_s=settings.connect_timeout_s,
            answer_s=settings.answer_timeout_s,
            idle_s=settings.idle_timeout_s,
            total_s=settings.call_timeout_s,
            most_bytes=settings.max_answer_bytes,
        )
        self.client = Client(
            limits=limits, connections=settings.upstream_connections, guard=net.from_settings(settings)
        )
        self.desk.start(self.client)
        self.loop = loop = asyncio.get_running_loop()
        self.recorder.start(loop)
        self.notebook.start()
        await asyncio.to_thread(self.recorder.wait_until_adopted, timeout_s=FIRST_LOOK_S)  # spent before any is leased
        self.keeper.start(loop)
        self.feed.start(loop)
        await asyncio.to_thread(self.keeper.wait_until_begun, timeout_s=FIRST_LOOK_S)
        await self.feed.catch_up(timeout_s=FIRST_LOOK_S)

    async def stop(self) -> None:
        """Write down what is under way and end the threads."""
        await self.desk.close()
        await self.client.close()
        await asyncio.to_thread(self.feed.stop, timeout_s=STOP_S)
        await asyncio.to_thread(self.recorder.stop, timeout_s=STOP_S)
        await asyncio.to_thread(self.keeper.stop, timeout_s=STOP_S)
        await asyncio.to_thread(self.notebook.stop, timeout_s=STOP_S)
