"""What the benchmark does with other gateways; how fast they are, no test says."""

import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from bench import calls, measure, wrk
from bench.measure import Cell, Plan, Subject
from bench.peers import comparison, environments, gateways
from bench.peers.gateways import Peer, Place
from bench.problems import Unmeasurable
from bench.processes import Process
from tests.bench.test_report import cell

RIGHT = (
    b'{"jsonrpc":"2.0","id":7000000000000,"result":{"content":[{"type":"text","text":"%s"}]}}' % calls.WORDS.encode()
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    return Place("http://127.0.0.1:9/mcp", tmp_path, None)


@contextmanager
def good(name, python, place):
    yield Process(name, None, None), wrk.Request("http://127.0.0.1:9/mcp", {"Authorization": "Bearer key"}, "{}")


def test_peer_that_cannot_be_installed_is_left_out_with_its_reason(place, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(2, command, "", "error: nothing at https://index.example/simple/ fits\n")

    monkeypatch.setattr(environments.subprocess, "run", fail)
    skipped = {}

    with ExitStack() as stack:
        subjects = comparison.started(stack, gateways.PEERS, place, skipped)

    assert subjects == []
    assert set(skipped) == {peer.name for peer in gateways.PEERS}
    assert comparison.reasons(skipped)[0] == ("FastMCP is left out. It cannot be installed: error: nothing at … fits")
    assert not list(environments.CACHE.glob("*/.done"))


def test_environment_that_is_there_is_used_again(place, monkeypatch):
    commands = []
    monkeypatch.setattr(environments, "_run", lambda *command: commands.append(command))

    first = environments.python("fastmcp", "fastmcp")
    made = len(commands)
    again = environments.python("fastmcp", "fastmcp")

    assert made > 0
    assert len(commands) == made
    assert first == again
    assert first.parts[-4].startswith("fastmcp-" + environments.version("fastmcp", "fastmcp"))


@pytest.mark.parametrize(
    ("status", "body", "to_strangers", "reason"),
    [
        (200, RIGHT.replace(b"hello", b"bye"), 401, "answers a right call with"),
        (500, b"", 401, "answers a right call with 500"),
        (200, RIGHT, 200, "answers a wrong key with 200"),
    ],
    ids=["wrong answer", "no answer", "open to strangers"],
)
def test_peer_that_does_not_do_its_work_is_left_out(place, monkeypatch, status, body, to_strangers, reason):
    def send(_url, headers, _body):
        known = headers["Authorization"] == "Bearer key"
        return comparison.fetch.Answer(status if known else to_strangers, {}, body, len(body))

    monkeypatch.setattr(comparison.fetch, "send", send)
    monkeypatch.setattr(environments, "python", lambda *_: place.folder / "python")
    skipped = {}

    with ExitStack() as stack:
        subjects = comparison.started(stack, [Peer("Somebody", "somebody", "fastmcp", good)], place, skipped)

    assert subjects == []
    assert reason in skipped["Somebody"]


def test_peer_that_does_its_work_is_measured(place, monkeypatch):
    def send(_url, headers, _body):
        status = 200 if headers["Authorization"] == "Bearer key" else 401
        return comparison.fetch.Answer(status, {}, RIGHT, len(RIGHT))

    monkeypatch.setattr(comparison.fetch, "send", send)
    monkeypatch.setattr(environments, "python", lambda *_: place.folder / "python")
    skipped = {}

    with ExitStack() as stack:
        subjects = comparison.started(stack, [Peer("Somebody", "somebody", "fastmcp", good)], place, skipped)

    assert [subject.name for subject in subjects] == ["Somebody"]
    assert skipped == {}


@pytest.mark.parametrize("form", [b"%s", b"event: message\r\ndata: %s\r\n\r\n", b": ping\n\ndata: %s\n\n"])
def test_right_answers_come_as_json_or_as_events(form):
    assert comparison.is_right(form % RIGHT, calls.NUMBER)
    assert not comparison.is_right(form % RIGHT, calls.NUMBER + 1)
    assert not comparison.is_right(form % b'{"error": {}}', calls.NUMBER)


def test_best_peer_is_named_with_how_far_it_is_behind():
    slow, fast = gateways.PEERS[0].name, gateways.PEERS[1].name
    cells: list[Cell] = [cell("nginx", per_second=60_000), cell("gateway", per_second=20_000)]
    cells += [cell(slow, per_second=40), cell(fast, per_second=250)]

    shown = comparison.tables(cells, [])

    assert f"with 1 caller, the gateway is 80 times “{fast}” in calls per second" in shown
    assert " 0.0042 |" in shown


@pytest.mark.parametrize("peer", gateways.PEERS, ids=lambda peer: peer.name)
def test_versions_are_locked_with_hashes(peer):
    locked = environments.lock(peer.lock).read_text().splitlines()

    assert peer.version in environments.lock(peer.lock).with_suffix(".in").read_text()
    assert "://" not in "".join(locked)
    assert sum("--hash=sha256:" in line for line in locked) >= sum("==" in line for line in locked)


def test_strange_start_is_told_once(place, monkeypatch):
    monkeypatch.setattr(environments, "python", lambda *_: place.folder / "python")

    @contextmanager
    def silent(name, python, place):
        raise Unmeasurable("Somebody ended with 1.\n  | why")
        yield

    skipped = {}
    with ExitStack() as stack:
        assert comparison.started(stack, [Peer("Somebody", "somebody", "fastmcp", silent)], place, skipped) == []

    assert comparison.reasons(skipped) == ["Somebody is left out. Somebody ended with 1."]


class Idle:
    """A process that costs nothing."""

    def cpu_s(self):
        return 0.0

    def rss_bytes(self):
        return 1


def measured(monkeypatch, *, give_up, refusals):
    """One round with one caller of “ours”, and of “theirs”, whose loads bring so many refusals, one after the other."""
    seen = iter(refusals)
    errors = dict.fromkeys(("connect", "read", "write", "timeout", wrk.NOT_2XX, wrk.WRONG), 0)

    def load(_plan, subject, _callers, _seconds):
        refused = next(seen) if subject.name == "theirs" else 0
        return wrk.Load(10, 1.0, 1000, 1.0, 2.0, {**errors, wrk.NOT_2XX: refused})

    monkeypatch.setattr(measure, "_load", load)
    request = wrk.Request("http://127.0.0.1:9/mcp", {}, "{}")
    subjects = [Subject("ours", request, Idle()), Subject("theirs", request, Idle(), give_up=give_up)]
    plan = Plan(tools=None, rounds=2, seconds=1, cores=None)
    return [cell.subject for cell in measure.run(plan, subjects, (1, 16))]


@pytest.mark.parametrize("refusals", [[3], [0, 0, 3]], ids=["warming up", "under load"])
def test_peer_that_fails_later_is_left_out_of_every_round(monkeypatch, refusals):
    told = []

    assert measured(monkeypatch, give_up=told.append, refusals=refusals) == ["ours"] * 4
    assert len(told) == 1
    assert "3 of 10 answers were not 2xx" in told[0]


def test_what_must_be_measured_stops_the_run(monkeypatch):
    with pytest.raises(Unmeasurable, match="3 of 10 answers were not 2xx"):
        measured(monkeypatch, give_up=None, refusals=[0, 0, 3])
