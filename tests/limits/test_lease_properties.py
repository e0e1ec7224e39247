"""Whatever order things happen in, a limit is never passed and nothing is lost (invariants I2, I3)."""

from uuid import uuid4

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, insert

from app.limits.holds import CounterKey
from app.limits.leases import PROCESSES, RULES
from app.limits.settling import COUNTERS, LEASES
from tests.limits import simulation
from tests.limits.simulation import Simulated, call_key, counters

MOSTS = (12, 40, 3_000)
processes = st.integers(0, 2)
limits = st.integers(0, len(MOSTS) - 1)


class Leases(RuleBasedStateMachine):
    """Three gateways and three limits; `spent` is the ledger, kept by hand."""

    def __init__(self, engine):
        super().__init__()
        self.engine = engine
        with engine.begin() as connection:
            for table in (LEASES, COUNTERS, PROCESSES, RULES):
                connection.execute(delete(table))
            rules = [uuid4() for _ in MOSTS]
            connection.execute(
                insert(RULES), [row_of(rule_id, most) for rule_id, most in zip(rules, MOSTS, strict=True)]
            )
        self.keys = [CounterKey(rule_id, uuid4(), simulation.MONTH_AT) for rule_id in rules]
        self.spent = dict.fromkeys(self.keys, 0)
        self.gateways = [Simulated(engine) for _ in range(3)]
        self.frozen = []

    @rule(
        process=processes,
        limit=limits,
        amounts=st.lists(st.integers(1, 7), min_size=1, max_size=9),
        ahead=st.integers(0, 50),
    )
    def calls_come(self, process, limit, amounts, ahead):
        self.gateways[process].admit(self.keys[limit], amounts, ahead=ahead, living=3)

    @precondition(lambda self: any(gateway.in_flight for gateway in self.gateways))
    @rule(data=st.data(), used=st.integers(0, 7))
    def an_answer_is_written_down(self, data, used):
        gateway, call = self.some_call(data)
        self.spent[call_key(call)] += (
            gateway.answer(call, used=min(used, call.held)) if used else gateway.fail(call) or 0
        )

    @rule(process=processes, limit=limits)
    def what_is_idle_is_given_back(self, process, limit):
        self.gateways[process].give_back(self.keys[limit])

    @rule(process=processes)
    def a_gateway_is_killed_and_starts_anew(self, process):
        dead = self.gateways[process]
        dead.reap()
        dead.begin()

    @rule(process=processes)
    def a_gateway_is_frozen_and_taken_for_dead(self, process):
        frozen = self.gateways[process]
        frozen.reap()
        assert not frozen.is_registered()
        self.frozen += frozen.in_flight
        frozen.begin()

    @precondition(lambda self: self.frozen)
    @rule(data=st.data())
    def it_wakes_and_its_call_is_answered(self, data):
        call = self.frozen.pop(data.draw(st.integers(0, len(self.frozen) - 1)))
        self.gateways[0].in_flight.append(call)
        self.spent[call_key(call)] += self.gateways[0].answer(call)

    @invariant()
    def no_limit_is_passed_and_all_is_accounted_for(self):
        for key, (most, spent, reserved, leased) in counters(self.engine).items():
            assert spent + reserved <= most
            assert reserved == leased
            assert spent == self.spent[key]

    def teardown(self):
        for gateway in self.gateways:
            for call in list(gateway.in_flight):
                gateway.fail(call)
            gateway.reap()
        for key, (most, spent, reserved, leased) in counters(self.engine).items():
            assert (reserved, leased, spent) == (0, 0, self.spent[key])
            assert spent <= most

    def some_call(self, data):
        gateway = data.draw(st.sampled_from([gateway for gateway in self.gateways if gateway.in_flight]))
        return gateway, data.draw(st.sampled_from(gateway.in_flight))


def row_of(rule_id, most):
    return {
        "id": rule_id,
        "name": "calls-month",
        "tool": "",
        "per": "",
        "measure": "calls",
        "period": "month",
        "most": most,
        "set_by": "operator",
        "created_at": simulation.NOW,
    }


@pytest.mark.parametrize("examples", [25])
def test_i2_i3_no_interleaving_passes_a_limit(engine, examples):
    few = examples if engine.dialect.name == "sqlite" else examples // 3
    chosen = hypothesis.settings(max_examples=few, stateful_step_count=30)

    run_state_machine_as_test(lambda: Leases(engine), settings=chosen)
