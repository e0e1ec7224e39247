"""Money is whole numbers: where prices are rated and bills are made, nothing is or becomes a float."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ["app/plans", "app/billing"]
RATING = [
    "app/metering/charging.py",
    "app/metering/repricing.py",
    "app/metering/ledger.py",
    "app/metering/tally.py",
    "app/metering/caps_left.py",
    "app/limits/settling.py",
    "app/limits/entitlements.py",
    "app/gateway/max_cost.py",
]
TIMES = {"_s", "_at", "timeout", "seconds"}
DECIMALS = {"app/plans/amounts.py"}
"""Where people's amounts are read and shown; and app/billing, where Stripe's `*_decimal` go in and out."""


def files():
    found = [path for place in PLACES for path in sorted((ROOT / place).rglob("*.py"))]
    return [*found, *[ROOT / name for name in RATING]]


def floats_in(source):
    """“line: what” for each float literal, division, float() and round() in `source`; but for lengths of time, such as
    TIMEOUT_S = 0.5.
    """
    tree = ast.parse(source)
    timed = {
        id(value)
        for node in ast.walk(tree)
        for name, value in named(node)
        if name.lower().endswith(tuple(TIMES)) and isinstance(value, ast.Constant)
    }
    timed |= {id(inner) for node in ast.walk(tree) if is_waiting(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and id(node) not in timed:
            yield f"{node.lineno}: {node.value}"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            if not is_path(node):
                yield f"{node.lineno}: division"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"float", "round"}:
            yield f"{node.lineno}: {node.func.id}()"


def named(node):
    """(name, value) of assignments, keywords and defaults."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        yield node.targets[0].id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.keyword):
        yield node.arg or "", node.value
    elif isinstance(node, ast.arguments):
        yield from zip([one.arg for one in node.kwonlyargs], node.kw_defaults, strict=True)


def is_waiting(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wait"


def is_path(node):
    """Whether it joins paths: one side is text."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_money_never_passes_a_float(path):
    assert list(floats_in(path.read_text())) == []


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_decimals_stay_at_the_edge(path):
    name = str(path.relative_to(ROOT))
    imported = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}

    assert "decimal" not in imported or name in DECIMALS or name.startswith("app/billing/")


@pytest.mark.parametrize("source", ["x = 0.5", "x = a / b", "x = float(y)", "x /= 2", "x = round(y)", "f(rate=1.5)"])
def test_a_float_would_be_found(source):
    assert list(floats_in(source))


@pytest.mark.parametrize(
    "source", ["TIMEOUT_S = 0.5", "x = a // b", "get(timeout=1.5)", "stop.wait(max(0.0, x))", 'ROOT / "plans.toml"']
)
def test_lengths_of_time_and_paths_are_no_money(source):
    assert not list(floats_in(source))
