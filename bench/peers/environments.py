"""The environments that peers run in: made in var/bench/ when first needed, from committed locks, and kept."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.problems import Unmeasurable

ROOT = Path(__file__).parents[2]
PACKAGES = Path(__file__).with_name("packages")
CACHE = ROOT / "var" / "bench"
UV = ROOT / ".venv" / "bin" / "uv"
INSTALL_TIMEOUT_S = 600
_URL = re.compile(r"\w+://\S+")


def version(name: str, package: str) -> str:
    """The version of `package` that <name>.lock says."""
    line = next(line for line in lock(name).read_text(encoding="utf-8").splitlines() if line.startswith(f"{package}=="))
    return line.partition("==")[2].split()[0]


def lock(name: str) -> Path:
    """Everything that a peer needs, with hashes."""
    return PACKAGES / f"{name}.lock"


def python(name: str, package: str) -> Path:
    """The Python of an environment with what <name>.lock says; made now if it is not there.

    Raises Unmeasurable with the reason why it cannot be made.
    """
    digest = hashlib.sha256(lock(name).read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{version(name, package)}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    guard = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            print(f"  installing {package} {version(name, package)} …", file=sys.stderr)
            _install(folder / "venv", lock(name))
            (folder / ".done").touch()
    finally:
        os.close(guard)
    return folder / "venv" / "bin" / "python"


def _install(venv: Path, locked: Path) -> None:
    """Bytecode included, so that no peer compiles itself while it is measured.

    The locks are complete, and hold what the .in files and overrides.txt ask for; so dependencies are not asked again.
    """
    shutil.rmtree(venv, ignore_errors=True)
    wanted = ["install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(locked)]
    inside = str(venv / "bin" / "python")
    _run(sys.executable, "-m", "venv", *(["--without-pip"] if UV.exists() else []), str(venv))
    if UV.exists():
        _run(str(UV), "pip", *wanted, "--compile-bytecode", "--python", inside)
    else:
        _run(inside, "-m", "pip", *wanted)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.CalledProcessError as problem:
        said = [line.strip() for line in (problem.stderr or problem.stdout).splitlines() if line.strip()]
        reason = _URL.sub("…", " ".join(said[:3]))  # addresses of package indexes are nobody's business in a report
        raise Unmeasurable(f"It cannot be installed: {reason}") from None
    except (subprocess.TimeoutExpired, OSError) as problem:
        raise Unmeasurable(f"It cannot be installed: {problem}") from None
