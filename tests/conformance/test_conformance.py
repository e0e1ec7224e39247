"""What the public conformance suite says of a server, it says of the same server behind the gateway."""

from collections import Counter

import pytest

from tests.conformance import node, suite
from tests.conformance.comparison import CHOICES, Comparison, compare, failing
from tests.conformance.stage import stage
from tests.conformance.suite import Findings


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    try:
        node.installed(suite.PACKAGE)
    except node.NotInstallable as problem:
        pytest.skip(f"The conformance suite cannot be installed here, so nothing is known. {problem}")
    with stage(tmp_path_factory.mktemp("conformance")) as running:
        yield running


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_the_gateway_loses_nothing(running, revision, tmp_path):
    comparison = compare(running, revision, tmp_path)

    assert failing(comparison.direct) == {}
    assert comparison.lost == {}, comparison.table


def test_a_check_that_fails_only_behind_the_gateway_is_lost():
    direct = {"ping": Findings(Counter({"ping": 1, "wire": 2}), {})}
    through = {"ping": Findings(Counter({"ping": 1, "wire": 1}), {"wire": "FAILURE: empty"})}

    comparison = Comparison("2025-11-25", direct, through)

    assert comparison.lost == {"ping": ["wire, 1 times: FAILURE: empty"]}
    assert "lost" in comparison.table


def test_a_scenario_that_did_not_run_behind_the_gateway_is_lost():
    comparison = Comparison("2025-11-25", {"ping": Findings(Counter({"ping": 1}), {})}, {})

    assert comparison.lost == {"ping": ["ping, 1 times: not observed"]}


def test_a_check_that_fails_in_both_places_is_not_lost():
    found = {"tasks-lifecycle": Findings(Counter(), {"create": "FAILURE: no tasks"})}

    assert Comparison("2026-07-28", found, found).lost == {}


def test_a_check_that_does_not_apply_to_plain_json_is_not_lost():
    (check,) = CHOICES
    direct = {"streams": Findings(Counter({check: 1}), {})}

    comparison = Comparison("2025-11-25", direct, {"streams": Findings(Counter(), {}, frozenset({check}))})

    assert comparison.lost == {}
    assert "one does not apply" in comparison.table
    assert Comparison("2025-11-25", direct, {"streams": Findings(Counter(), {check: "FAILURE"})}).lost
