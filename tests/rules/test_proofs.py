"""docs/proofs.md is true: every invariant and every bug is there, and each test that it names exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proofs.md"
NUMBERS = [f"I{number}" for number in range(1, 21)] + [f"B{number}" for number in range(1, 31)]


def rows(text):
    """Number to its last column, of each row of its tables."""
    return {found[1]: found[2] for found in re.finditer(r"^\| ([IB]\d+) \|[^|]*\| (.*) \|$", text, re.MULTILINE)}


def named_in(row):
    """(is a property test, file, test) of each test that a row names."""
    return [(star == "*", path, test) for star, path, test in re.findall(r"(\*?)(tests/[\w/]+\.py)::(\w+)", row)]


def every_test_of(path):
    """Name to definition."""
    tree = ast.parse((ROOT / path).read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name: node for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_")}


def looks_for_counterexamples(test):
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return bool(names & {"given", "run_state_machine_as_test"})


ROWS = rows(PAGE.read_text())


def test_every_number_is_there():
    assert list(ROWS) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_named_exists_and_is_what_it_is_said_to_be(number):
    named = named_in(ROWS[number])

    assert named or ROWS[number].startswith("— "), "say which test, or why there is none"
    for is_property, path, test in named:
        known = every_test_of(path)
        assert test in known, f"{path} has no {test}"
        assert looks_for_counterexamples(known[test]) == is_property, f"{test}: italics are for property tests"
    if number.startswith("B") and named:
        for _, _, test in named:
            assert f"_{number.lower()}_" in test, f"{test} does not bear its number"


@pytest.mark.parametrize("row", ["*tests/a.py::test_b1_x*; tests/b/c.py::test_y", "— no plan has a trial"])
def test_rows_are_read_as_they_are_written(row):
    found = rows(f"| B1 | it happened | {row} |\n")

    assert found == {"B1": row}
    assert len(named_in(row)) == (2 if "tests/" in row else 0)
