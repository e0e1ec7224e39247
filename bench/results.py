"""Keeping what was measured: a dated file for programs, one for people, and the latest full ones for everybody."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).with_name("results")
LATEST = "latest"


def keep(name: str, numbers: Mapping[str, object], text: str, *, latest: str, folder: Path = FOLDER) -> list[Path]:
    """Write `<name>.json` and `<name>.md`. latest: `<latest>.md` is the same, and git keeps it; "" for a part."""
    folder.mkdir(exist_ok=True)
    files = {folder / f"{name}.json": json.dumps(numbers, indent=1, default=asdict) + "\n", folder / f"{name}.md": text}
    if latest:
        files[folder / f"{latest}.md"] = text
    for path, content in files.items():
        path.write_text(content, encoding="utf-8")
    return list(files)


def name_of(now: datetime, commit: str, *, is_whole: bool) -> str:
    """`2026-11-22-1a2b3c4`; a part or a quick look is called so, and never replaces a whole run."""
    return f"{now:%Y-%m-%d}-{commit}" + ("" if is_whole else "-part")


def commit() -> str:
    """The short commit of this checkout, with “+” when tracked files differ from it; “unknown” outside git."""
    short = _git("rev-parse", "--short", "HEAD")
    if not short:
        return "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")
    return short + ("+" if changed else "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], check=False, cwd=ROOT, capture_output=True, text=True, timeout=10)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
