"""Promises about the code as text: sizes, names and places that a reader can rely on."""

import ast
import logging
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "app").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STATIC = sorted(path for folder in ("css", "js") for path in (ROOT / "static" / folder).rglob("*.*"))
LONGEST = 300
ONE_FILE = {"app/billing/recompute.py": 340}
"""What people are given to run by itself, and so cannot be two."""


@pytest.fixture(scope="module")
def trees():
    """Every module, parsed: (path, tree)."""
    return [(path, ast.parse(path.read_text())) for path in PYTHON]


def name(path):
    return str(path.relative_to(ROOT))


def found(paths, pattern, *, but=()):
    """Lines that match, as “file:line”, leaving out the files named in `but`."""
    return [
        f"{name(path)}:{number}"
        for path in paths
        if name(path) not in but
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(pattern, line)
    ]


def test_there_is_something_to_check():
    assert len(PYTHON) > 30
    assert len(TEMPLATES) > 10
    assert len(STATIC) > 5


def test_no_file_outgrows_one_subject():
    long = [
        name(path)
        for path in [*PYTHON, *TEMPLATES, *STATIC, *(ROOT / "tests").rglob("*.py")]
        if len(path.read_text().splitlines()) > ONE_FILE.get(name(path), LONGEST)
    ]

    assert long == []


def test_every_module_says_what_it_is_for(trees):
    silent = [
        name(path)
        for path, tree in trees
        if path.read_text().strip() and path.name != "__main__.py" and ast.get_docstring(tree) is None
    ]

    assert silent == []


def test_services_and_queries_never_commit():
    files = [path for path in PYTHON if path.name in {"services.py", "queries.py"}]

    assert found(files, r"\.commit\(") == []


def test_imports_stand_at_the_top(trees):
    inside = [
        f"{name(path)}:{node.lineno}"
        for path, tree in trees
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []
    assert found(PYTHON, r"\bTYPE_CHECKING\b") == []


def test_only_the_clock_tells_the_time():
    assert found(PYTHON, r"datetime\.(now|utcnow|today)\(|date\.today\(", but=["app/core/clock.py"]) == []


def test_only_one_module_touches_htmx_headers():
    assert found(PYTHON, r"[\"']HX-", but=["app/web/htmx.py"]) == []


def test_every_outside_call_has_a_timeout(trees):
    calls = [
        (path, node)
        for path, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "requests"
        and node.func.attr in {"get", "post", "put", "delete", "head", "request"}
    ]

    assert [f"{name(p)}:{n.lineno}" for p, n in calls if "timeout" not in {k.arg for k in n.keywords}] == []


def test_no_log_field_has_a_name_that_logging_keeps_for_itself(trees):
    """Such a line raises KeyError where it is written, if it ever is: often only when something else has failed."""
    taken = {*vars(logging.makeLogRecord({})), "message", "asctime"}
    fields = [
        (path, key)
        for path, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict)
        for key in node.value.keys
    ]

    assert [f"{name(p)}:{k.lineno}" for p, k in fields if isinstance(k, ast.Constant) and k.value in taken] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"<script(?![^>]*\bsrc=)",
        r"<[a-z][^>]*\sstyle=",
        r"<[a-z][^>]*\son[a-z]+=",
        r"hx-on|hx-vals=.?js:|hx-trigger=\"[^\"]*\[",
        r"\|\s*safe\b",
        r"https?://(?!127\.0\.0\.1|www\.w3\.org)[^\s\"']+\.(?:js|css|woff2?)",
    ],
)
def test_templates_keep_the_content_security_policy(pattern):
    assert found(TEMPLATES, pattern) == []


def test_every_post_form_carries_its_csrf_field():
    bare = [
        name(path)
        for path in TEMPLATES
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", path.read_text(), re.S)
        if "csrf_token" not in form
    ]

    assert bare == []


def test_styles_shout_nowhere():
    assert found([p for p in STATIC if p.suffix == ".css"], r"!important|^\s*#[a-z]") == []
