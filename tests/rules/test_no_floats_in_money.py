"""Money is whole numbers: where prices are rated and bills are made, nothing is or becomes a float."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("app/plans/", "app/billing/")
MONEY = re.compile(r"nanos|amount|price|cents|\bfees?\b|\bminor|(?<!is)_minor")
BESIDE = {
    "app/limits/book.py": "how much is leased ahead, by the pace of calls",
    "app/limits/keeper.py": "how long is waited",
    "app/metering/entry.py": "how long is waited",
    "app/metering/explaining.py": "milliseconds",
    "app/metering/group_writer.py": "how long is waited",
    "app/core/": "seconds of settings",
    "app/gateway/": "how long is waited, and bytes a second",
    "app/integrations/": "how long is waited",
    "app/metering/recorder.py": "how long is waited",
    "app/sandbox/": "never part of an installation; its own arithmetic is in integers, see tests/sandbox/stripe",
    "app/web/": "drawings, and words of the styleguide",
}
"""Where money is mentioned and floats are something else: no line of theirs may hold both."""
TIMES = {"_s", "_at", "timeout", "seconds"}
DECIMALS = {"app/plans/amounts.py"}
"""Where people's amounts are read and shown; and app/billing, where Stripe's `*_decimal` go in and out."""


def name_of(path):
    return str(path.relative_to(ROOT))


def files():
    """All that have to do with money, by where they are or by what they mention."""
    every = sorted((ROOT / "app").rglob("*.py"))
    return [path for path in every if name_of(path).startswith(PLACES) or MONEY.search(path.read_text())]


def money_in(source, place):
    """Those of floats_in that are forbidden there."""
    found = list(floats_in(source))
    if not place.startswith(tuple(BESIDE)):
        return found
    lines = source.splitlines()
    return [one for one in found if MONEY.search(lines[int(one.partition(":")[0]) - 1])]


def sums_in(template):
    """Expressions of a template that compute with money, or round it: that is done before, in integers."""
    for said in re.findall(r"\{[{%].*?[%}]\}", template, re.DOTALL):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", said)
        if MONEY.search(bare) and re.search(r"[*/]|\|\s*(?:round|float|int)\b", bare):
            yield said


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


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_money_never_passes_a_float(path):
    assert money_in(path.read_text(), name_of(path)) == []


@pytest.mark.parametrize("path", [path for path in files() if "sandbox" not in path.parts], ids=name_of)
def test_decimals_stay_at_the_edge(path):
    name = name_of(path)
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


def test_everything_that_rates_is_looked_at():
    names = {name_of(path) for path in files()}

    assert {"app/metering/charging.py", "app/metering/repricing.py", "app/metering/ledger.py"} <= names
    assert {"app/limits/settling.py", "app/limits/entitlements.py", "app/gateway/max_cost.py"} <= names
    assert {"app/billing/statement.py", "app/plans/rating.py", "app/cli/credit.py", "app/cli/prices.py"} <= names


def test_a_float_beside_an_amount_would_be_found_where_others_may_be():
    source = "pause = 0.5\ncost = amount_nanos * 0.5\n"

    assert money_in(source, "app/web/charts.py") == ["2: 0.5"]
    assert len(money_in(source, "app/cli/credit.py")) == 2


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=name_of)
def test_templates_show_money_and_compute_none(path):
    assert list(sums_in(path.read_text())) == []


@pytest.mark.parametrize(
    "template",
    [
        "{{ nanos // 1000000000 }}",
        "{{ (line.amount_minor / 100) }}",
        "{{ price | round(2) }}",
        "{% set x = fee * 12 %}",
    ],
)
def test_a_sum_in_a_template_would_be_found(template):
    assert list(sums_in(template))


@pytest.mark.parametrize("path", sorted((ROOT / "static" / "js").glob("*.js")), ids=name_of)
def test_scripts_have_nothing_to_do_with_money(path):
    """What a slider stands for is sent, and priced on the server."""
    assert not re.search(r"nanos|minor|amount|price|cents|currency|parseFloat|toFixed", path.read_text(), re.IGNORECASE)
