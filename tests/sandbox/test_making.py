"""What `make` relies on: lock files that fit everybody's machine, and words for those whose machine lacks something."""

import fcntl
import re
import shutil
import subprocess
import sys

import pytest

from tests.sandbox.processes import ROOT
from tests.waiting import PATIENCE_S

LOCKS = ("requirements.lock", "requirements-run.lock", "requirements-uv.lock", "package-lock.json")


def locked(name):
    """The lines that name a version, without their hashes."""
    return set(re.findall(r"^([a-z0-9][^\n]*?==[^\n]*?) \\$", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host_and_no_folder(name):
    assert not re.search(r"https?:|file:|\"resolved\"|[ \"]/\w", (ROOT / name).read_text())


@pytest.mark.parametrize("name", LOCKS[:3])
def test_every_locked_package_has_its_hashes(name):
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text().strip())

    assert len(blocks) == len(locked(name))
    assert all("--hash=sha256:" in block for block in blocks)


def test_running_needs_a_part_of_what_testing_needs():
    assert locked("requirements-run.lock") < locked("requirements.lock")


def test_running_needs_no_tool_of_ours():
    names = {line.split("==")[0] for line in locked("requirements-run.lock")}

    assert not names & {"pytest", "ruff", "mypy", "playwright", "import-linter", "psutil"}


def test_make_alone_lists_what_it_can_do():
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout

    assert "make run " in shown
    assert "make test " in shown


@pytest.mark.parametrize("goal", ["run", "test"])
def test_machine_without_python_is_told_what_to_install(tmp_path, goal):
    make = shutil.which("make")
    (tmp_path / "scripts").mkdir()
    for name in (*LOCKS, "Makefile", "pyproject.toml", ".npmrc", "scripts/setup.py"):
        shutil.copy(ROOT / name, tmp_path / name)

    answer = subprocess.run(
        [make, goal],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert answer.returncode != 0
    assert "Python 3.11 or newer" in answer.stdout
    assert "apt-get install" in answer.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "reset.py", tmp_path / "scripts")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "postern.db").touch()
    return tmp_path


def reset(checkout):
    command = [sys.executable, str(checkout / "scripts" / "reset.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_reset_forgets_the_data(checkout):
    answer = reset(checkout)

    assert answer.returncode == 0
    assert not (checkout / "var").exists()
    assert reset(checkout).returncode == 0


def test_reset_is_refused_while_postern_runs(checkout):
    with (checkout / "var" / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        answer = reset(checkout)

    assert answer.returncode == 1
    assert "Stop it first" in answer.stderr
    assert (checkout / "var" / "postern.db").exists()
