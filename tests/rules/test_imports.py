"""The import contracts hold, and would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]


def lint(folder):
    return subprocess.run(
        [*LINT, "--no-cache"], check=False, cwd=folder, capture_output=True, text=True, timeout=5 * PATIENCE_S
    )


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold():
    answer = lint(ROOT)

    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("app/gateway/auth.py", "import flask"),
        ("app/core/clock.py", "from app.keys import models"),
        ("app/keys/services.py", "from app.web import htmx"),
        ("app/keys/queries.py", "from app.keys import services"),
        ("app/metering/queries.py", "from app.sandbox import seed"),
        ("app/newcomer.py", "VALUE = 1"),
    ],
)
def test_a_planted_violation_fails(copy, module, planted):
    path = copy / module
    path.write_text((path.read_text() if path.exists() else '"""New."""\n') + f"\n{planted}\n")

    answer = lint(copy)

    assert answer.returncode == 1, answer.stdout
    assert "BROKEN" in answer.stdout or "exhaustive" in answer.stdout + answer.stderr


def test_the_gateway_process_loads_nothing_for_pages_and_migrations():
    unwanted = ("flask", "werkzeug", "wtforms", "jinja2", "alembic", "mako", "pygments")
    script = f"import app.gateway.__main__, sys; print([m for m in {unwanted} if m in sys.modules])"

    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )

    assert answer.stdout.strip() == "[]"
