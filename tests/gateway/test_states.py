"""What an integration handed to one caller is of no use to another: requestState (T7)."""

from uuid import UUID

import pytest

from app.gateway.errors import INVALID_PARAMS, Refused
from app.gateway.states import GOOD_FOR_S, States, purpose_of

KEY, OTHER_KEY, INTEGRATION, OTHER_INTEGRATION = (UUID(int=number) for number in range(1, 5))
PARAMS = {"name": "book", "arguments": {"seat": 4, "row": "B"}}
STATE = "opaque é \u2028 state"


def purpose(*, key_id=KEY, integration_id=INTEGRATION, method="tools/call", params=PARAMS):
    return purpose_of(key_id=key_id, integration_id=integration_id, method=method, params=params)


@pytest.fixture
def states():
    return States("secret of the installation")


def test_a_state_comes_back_as_it_was(states):
    assert states.opened(states.bound(STATE, purpose=purpose()), purpose=purpose()) == STATE


def test_another_replica_of_the_installation_opens_it(states):
    assert (
        States("secret of the installation").opened(states.bound(STATE, purpose=purpose()), purpose=purpose()) == STATE
    )


def test_arguments_may_be_spelled_in_another_order(states):
    turned = purpose(params={"arguments": {"row": "B", "seat": 4}, "name": "book", "inputResponses": {"a": 1}})

    assert states.opened(states.bound(STATE, purpose=purpose()), purpose=turned) == STATE


@pytest.mark.parametrize(
    "other",
    [
        purpose(key_id=OTHER_KEY),
        purpose(integration_id=OTHER_INTEGRATION),
        purpose(method="prompts/get"),
        purpose(params={**PARAMS, "name": "cancel"}),
        purpose(params={**PARAMS, "arguments": {"seat": 5, "row": "B"}}),
    ],
)
def test_t7_a_state_replayed_by_or_for_something_else_is_refused(states, other):
    with pytest.raises(Refused) as refused:
        states.opened(states.bound(STATE, purpose=purpose()), purpose=other)

    assert refused.value.code == INVALID_PARAMS


def test_t7_any_changed_character_is_noticed(states):
    given = states.bound(STATE, purpose=purpose())

    for place in range(len(given)):
        changed = given[:place] + ("A" if given[place] != "A" else "B") + given[place + 1 :]
        with pytest.raises(Refused):
            states.opened(changed, purpose=purpose())


@pytest.mark.parametrize("given", ["", "x", "postern1.", "postern1.AAAA", "postern1.é", STATE])
def test_what_never_was_a_state_of_ours_is_refused(states, given):
    with pytest.raises(Refused):
        states.opened(given, purpose=purpose())


def test_a_state_is_good_for_a_day():
    clock = [1_000_000.0]
    states = States("secret", now=lambda: clock[0])
    given = states.bound(STATE, purpose=purpose())
    clock[0] += GOOD_FOR_S
    assert states.opened(given, purpose=purpose()) == STATE

    clock[0] += 1
    with pytest.raises(Refused, match="older than a day"):
        states.opened(given, purpose=purpose())
