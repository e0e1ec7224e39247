"""Environments for clients whose packages do not go with ours: made in var/ when first needed, from committed locks."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance import node
from tests.conformance.node import ROOT, NotInstallable

HERE = Path(__file__).parent
CACHE = ROOT / "var" / "clients"
UV = ROOT / ".venv" / "bin" / "uv"
INSTALL_S = 300


def python(name: str) -> Path:
    """The Python of an environment with what python_packages/<name>.lock says. Raises NotInstallable."""
    lock = HERE / "python_packages" / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    done = folder / ".done"
    folder.mkdir(parents=True, exist_ok=True)
    guard = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not done.exists():
            _install(folder / "venv", lock)
            done.touch()
    finally:
        os.close(guard)
    return folder / "venv" / "bin" / "python"


def node_program(name: str) -> Path:
    """A program of programs/, put where it finds the packages of node_package/. Raises NotInstallable."""
    folder = node_folder()
    for program in (HERE / "programs").glob("*.mjs"):
        copy = folder / f"{program.name}.{os.getpid()}"
        shutil.copy(program, copy)
        copy.replace(folder / program.name)  # at once, so that nobody beside us reads half of it
    return folder / name


def node_folder() -> Path:
    """Where the packages of node_package/ are installed. Raises NotInstallable."""
    return node.installed(HERE / "node_package")


def _install(venv: Path, lock: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    python = str(venv / "bin" / "python")
    wanted = ["install", "--quiet", "--require-hashes", "--requirement", str(lock)]
    _run(sys.executable, "-m", "venv", *([] if not UV.exists() else ["--without-pip"]), str(venv))
    if UV.exists():
        _run(str(UV), "pip", *wanted, "--python", python)
    else:
        _run(python, "-m", "pip", *wanted)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.CalledProcessError as problem:
        raise NotInstallable(f"`{' '.join(command)}` failed:\n{problem.stdout}{problem.stderr}") from None
    except subprocess.TimeoutExpired:
        raise NotInstallable(f"`{' '.join(command)}` did not end in {INSTALL_S} s.") from None
