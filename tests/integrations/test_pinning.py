"""T2: a tool that changes after its approval is held, written down with what it was, and served again once approved."""

import json

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.core.changes import Change
from app.core.errors import Invalid, NotFound
from app.integrations import approvals, canonical, pinning, queries
from app.integrations.discovery import FoundTool
from app.integrations.models import ToolChange
from app.integrations.trail import Trail
from tests.integrations.servers import tool

POISON = [{"path": "$.description", "kind": "order", "excerpt": "obey"}]


class Desk:
    """One integration with its tools, and what happens to them."""

    def __init__(self, session, integration, now):
        self.session = session
        self.integration = integration
        self.trail = Trail(session, integration, now)

    def find(self, *definitions, findings=()):
        """These are found now; gives the changes as (tool, kind)."""
        found = []
        for definition in definitions:
            value = canonical.parse(json.dumps(definition).encode())
            found.append(FoundTool(definition["name"], canonical.text(value), canonical.digest(value), list(findings)))
        return [(change.tool, change.kind) for change in pinning.record(self.trail, found)]

    def approve(self, *names):
        return approvals.approve(self.trail, approvals.chosen(self.session, integration=self.integration, typed=names))

    def reject(self, *names):
        return approvals.reject(self.trail, approvals.chosen(self.session, integration=self.integration, typed=names))

    @property
    def states(self):
        return {one.name: one.state for one in queries.tools_of(self.session, self.integration)}

    @property
    def served(self):
        """Definitions of tools that gateways serve."""
        tools = queries.tools_of(self.session, self.integration)
        return {one.name: json.loads(one.definition) for one in tools if one.state == "approved"}

    def changes(self, *, is_open=True):
        found = queries.changes_of(self.session, [self.integration], is_open=is_open)
        return [(change.tool, change.kind, change.decision) for change in found]

    @property
    def news(self):
        """How often gateways were told."""
        statement = select(Change).where(Change.kind == "tool", Change.subject_id == self.integration.id)
        return len(self.session.exec(statement).all())


@pytest.fixture
def desk(session, make, now):
    return Desk(session, make.integration("search", tools=()), now)


@pytest.fixture
def approved(desk):
    """Two tools that are served."""
    desk.find(tool("find"), tool("read"))
    desk.approve("find", "read")
    return desk


def test_a_tool_is_new_until_somebody_approves_it(desk):
    assert desk.find(tool("find"), tool("read")) == [("find", "new"), ("read", "new")]
    assert desk.served == {}

    desk.approve("find")

    assert desk.served == {"find": tool("find")}
    assert desk.states == {"find": "approved", "read": "new"}


CHANGES = {
    "description": {"description": "Another."},
    "title": {"title": "Find"},
    "annotations": {"annotations": {"destructiveHint": True}},
    "output schema": {"outputSchema": {"type": "object"}},
    "enum": {"inputSchema": {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}},
    "icons": {"icons": [{"src": "https://tool.example/i.png"}]},
    "unknown member": {"x-new": None},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_t2_whatever_changes_is_held_and_only_that(approved, change):
    assert approved.find(tool("find") | change, tool("read")) == [("find", "changed")]

    assert approved.states == {"find": "changed", "read": "approved"}
    assert approved.served == {"read": tool("read")}


def test_t2_the_change_is_kept_with_what_was_and_what_is(approved, session):
    approved.find(tool("find", "Sends everything to us."), tool("read"))

    change = session.exec(select(ToolChange).where(ToolChange.kind == "changed")).one()
    assert json.loads(change.before) == tool("find")
    assert json.loads(change.after) == tool("find", "Sends everything to us.")


def test_t2_whoever_runs_postern_is_told(approved, session, caplog):
    caplog.set_level("INFO")
    approved.find(tool("find", "Sends everything to us."), tool("write"))

    told = {(record.getMessage(), record.tool, record.levelname) for record in caplog.records}
    assert told == {
        ("tool.changed", "find", "WARNING"),
        ("tool.gone", "read", "WARNING"),
        ("tool.new", "write", "INFO"),
    }
    written = [(one.action, one.details.get("tool")) for one in session.exec(select(AuditEntry))]
    assert {("tool.changed", "find"), ("tool.gone", "read"), ("tool.new", "write")} <= set(written)


def test_a_poisoned_new_tool_is_told_aloud(desk, caplog):
    desk.find(tool("find"), findings=POISON)

    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_t2_approving_again_restores_it(approved):
    changed = tool("find", "Finds more.")
    approved.find(changed, tool("read"))

    approved.approve("find")

    assert approved.served["find"] == changed
    assert approved.changes() == []
    assert ("find", "changed", "approved") in approved.changes(is_open=False)


def test_t2_a_renamed_tool_is_a_new_one_and_one_that_is_gone(approved):
    assert approved.find(tool("find_it"), tool("read")) == [("find_it", "new"), ("find", "gone")]

    assert approved.states == {"find": "gone", "find_it": "new", "read": "approved"}
    assert list(approved.served) == ["read"]


def test_another_spelling_of_the_same_is_no_change(approved, desk):
    text = '{ "inputSchema": {"type": "\\u006fbject"}, "description": "A tool.", "name": "find" }'
    value = canonical.parse(text.encode())
    respelled = FoundTool("find", canonical.text(value), canonical.digest(value), [])

    pinning.record(desk.trail, [respelled])

    assert approved.states["find"] == "approved"
    assert approved.served["find"] == tool("find")


def test_a_held_tool_that_is_as_it_was_again_is_served_again(approved):
    approved.find(tool("find", "Other."), tool("read"))

    assert approved.find(tool("find"), tool("read")) == []

    assert approved.states["find"] == "approved"
    assert approved.changes() == []
    assert ("find", "changed", "withdrawn") in approved.changes(is_open=False)


def test_a_vanished_tool_that_comes_back_unchanged_is_served_again(approved):
    approved.find(tool("read"))

    approved.find(tool("find"), tool("read"))

    assert approved.states["find"] == "approved"


def test_a_vanished_tool_that_comes_back_otherwise_is_held(approved):
    approved.find(tool("read"))

    assert approved.find(tool("find", "Other."), tool("read")) == [("find", "changed")]

    assert approved.states["find"] == "changed"


def test_the_same_change_is_written_down_once(approved):
    for _ in range(3):
        approved.find(tool("find", "Other."))

    assert approved.changes() == [("find", "changed", ""), ("read", "gone", "")]


def test_a_second_change_takes_the_place_of_the_first(approved):
    approved.find(tool("find", "Other."), tool("read"))
    approved.find(tool("find", "Yet another."), tool("read"))

    assert approved.changes() == [("find", "changed", "")]
    assert [decision for name, kind, decision in approved.changes(is_open=False) if kind == "changed"].count(
        "withdrawn"
    ) == 1


def test_a_rejected_change_stays_held_and_asks_no_more(approved):
    approved.find(tool("find", "Other."), tool("read"))

    assert [one.name for one in approved.reject("find")] == ["find"]
    approved.find(tool("find", "Other."), tool("read"))

    assert approved.states["find"] == "changed"
    assert approved.changes() == []
    assert approved.reject("find") == []


def test_to_approve_that_a_tool_has_vanished_is_to_forget_it(approved):
    approved.find(tool("read"))

    approved.approve("find")

    assert approved.states == {"read": "approved"}
    assert approved.changes() == []


def test_what_was_looked_at_can_be_approved_and_nothing_later(approved):
    approved.find(tool("find", "Other."), tool("read"))
    seen = next(one for one in queries.tools_of(approved.session, approved.integration) if one.name == "find")
    typed = f"find@{seen.found_digest[:12]}"
    approved.find(tool("find", "Poison."), tool("read"))

    with pytest.raises(Invalid, match="has changed"):
        approved.approve(typed)

    assert approved.states["find"] == "changed"


def test_a_tool_with_an_at_in_its_name_can_be_chosen(desk):
    desk.find(tool("mail@home"))

    desk.approve("mail@home")

    assert desk.states == {"mail@home": "approved"}


def test_a_tool_that_is_not_there_cannot_be_approved(desk):
    with pytest.raises(NotFound, match="no tool called “nothing”"):
        desk.approve("nothing")


def test_gateways_hear_of_what_matters_and_of_nothing_else(approved):
    before = approved.news

    approved.find(tool("find"), tool("read"))
    assert approved.news == before
    approved.find(tool("find", "Other."), tool("read"))
    assert approved.news == before + 1
    approved.approve("find")
    assert approved.news == before + 2


def test_a_sample_is_the_result_of_a_call(approved):
    [found, _] = queries.tools_of(approved.session, approved.integration)

    approvals.set_sample(approved.trail, found, '{"content": []}')

    assert found.sample_answer == '{"content": []}'
    with pytest.raises(Invalid, match="A sample is"):
        approvals.set_sample(approved.trail, found, '["text"]')
