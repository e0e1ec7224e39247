"""Every action that the code writes into the audit trail has a sentence, and no sentence is for nothing."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.core import audit_words
from app.core.audit_sentences import KINDS, SENTENCES

APP = Path(__file__).parents[2] / "app"
DOTTED = re.compile(r"[a-z_]+\.[a-z_]+")
SAYING = {"debug", "info", "warning", "error", "exception", "log", "url_for"}
STRIPES_NAMES = {Path("billing/events.py"), Path("billing/customers.py")}
"""Modules with dotted names that others gave."""
TELLING = {"tell", "record", "note", "keep", "tell_organisation", "write"}
"""Functions of these names hand an action on, beside those that are given it as `action=`."""


def texts(node):
    """The actions that an expression may be: literals, both sides of a condition; an f-string as its beginning."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and DOTTED.fullmatch(node.value) else []
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        start = node.values[0].value
        return [start] if re.fullmatch(r"[a-z_]+\.", start) else []
    return []


def said(node):
    """Literals of a dotted form, save in logs, addresses and names of columns."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SAYING or name == "Field":
            return
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from said(value)
        return
    yield from texts(node) if isinstance(node, ast.Constant) else ()
    for child in ast.iter_child_nodes(node):
        yield from said(child)


def written(path):
    """Every action in a module: where the trail is written all that could be one, elsewhere what is handed on."""
    source = path.read_text()
    tree = ast.parse(source)
    is_writing = "audit.record" in source and any(
        isinstance(node, ast.Attribute) and ast.unparse(node) == "audit.record" for node in ast.walk(tree)
    )
    if is_writing and path.relative_to(APP) not in STRIPES_NAMES:
        yield from said(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for keyword in node.keywords:
                if keyword.arg == "action":
                    yield from texts(keyword.value)
            if name.strip("_") in TELLING:
                for argument in node.args:
                    yield from texts(argument)
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "action" for one in node.targets):
            yield from texts(node.value)


@pytest.fixture(scope="module")
def actions():
    """By action, a file that writes it."""
    modules = [path for path in APP.rglob("*.py") if "sandbox" not in path.parts]
    return {action: path.name for path in modules for action in written(path)}


def test_every_action_has_a_sentence(actions):
    dumb = {
        action: place
        for action, place in actions.items()
        if not any(one == action or (action.endswith(".") and one.startswith(action)) for one in SENTENCES)
    }

    assert dumb == {}, "give each a line in app/core/audit_sentences.py"


def test_the_search_for_actions_finds_them(actions):
    assert len(actions) > 50
    assert {"key.issued", "integration.enabled", "tool.", "subscription.state", "webhook.switched_on"} <= set(actions)


def test_every_sentence_reads_with_all_details_and_with_none():
    for action, form in SENTENCES.items():
        assert action.partition(".")[0] in KINDS, action
        names = re.findall(r"\{(\w+)\}", form)
        for details in ({}, {name: f"<{name}>" for name in names}):
            entry = SimpleNamespace(person_id=None, action=action, details=details, actor_kind="", actor="")
            said = audit_words.sentence(entry)
            assert re.fullmatch(r"Postern [a-z][^\[\]{}]*\.", said), said
            assert all(f"<{name}>" in said for name in names if details), said
            assert " ," not in said, said
            assert " :" not in said, said
