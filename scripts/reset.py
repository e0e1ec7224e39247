"""Forget this checkout's data: `python3 scripts/reset.py` removes var/, unless Postern is running on it."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "var"
LOCK = DATA / "run.lock"  # app/sandbox/run.py holds it while it runs


def main() -> int:
    """Exit code: 0 when there is no data any more."""
    if not DATA.exists():
        print("There is no data.")
        return 0
    LOCK.touch()
    with LOCK.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Postern is running. Stop it first (Ctrl-C), then make reset.", file=sys.stderr)
            return 1
        shutil.rmtree(DATA)
    print("var/ is gone, with the database and the logs in it. `make run` begins anew.")
    for name in ("POSTERN_DATA_DIR", "POSTERN_DATABASE_URL"):
        if name in os.environ:
            print(f"{name} is set: what it names was left alone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
