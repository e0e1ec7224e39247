"""What a benchmark may do to the machine that it finds nothing on."""

import subprocess

import pytest

from bench import tools
from bench.tools import Tools

NOTHING = Tools(nginx=None, lua_modules=(), wrk=None)
ALL = Tools(nginx="/usr/sbin/nginx", lua_modules=("ndk.so", "lua.so"), wrk="/usr/bin/wrk")


@pytest.fixture
def policy(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "POLICY", tmp_path / "policy-rc.d")
    return tmp_path / "policy-rc.d"


@pytest.fixture
def commands(policy, monkeypatch):
    """What was run, and whether services were held back meanwhile."""
    run = []

    def note(command, **_):
        run.append((command, policy.exists()))
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(tools.subprocess, "run", note)
    return run


def test_root_gets_what_is_missing_and_no_new_service(commands, policy, monkeypatch):
    looks = iter([NOTHING, ALL])
    monkeypatch.setattr(tools, "_look", lambda: next(looks))
    monkeypatch.setattr(tools, "_may_install", lambda: True)

    found = tools.find()

    assert found == ALL
    assert [command[2] for command, _ in commands] == ["update", "install"]
    assert commands[1][0][-3:] == ["nginx", "libnginx-mod-http-lua", "wrk"]
    assert all(held_back for _, held_back in commands)
    assert not policy.exists()


def test_others_are_told_what_to_install(commands, capsys, monkeypatch):
    monkeypatch.setattr(tools, "_look", lambda: NOTHING)
    monkeypatch.setattr(tools, "_may_install", lambda: False)

    found = tools.find()

    assert found == NOTHING
    assert commands == []
    assert "sudo apt-get install nginx libnginx-mod-http-lua wrk" in capsys.readouterr().err


def test_policy_that_was_there_stays(commands, policy, monkeypatch):
    policy.write_text("theirs")
    looks = iter([NOTHING, ALL])
    monkeypatch.setattr(tools, "_look", lambda: next(looks))
    monkeypatch.setattr(tools, "_may_install", lambda: True)

    tools.find()

    assert policy.read_text() == "theirs"
