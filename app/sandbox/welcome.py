"""The short table that `postern run` shows once everything answers."""

from collections.abc import Sequence
from pathlib import Path

from app.core import mail
from app.core.config import ROOT, Settings
from app.sandbox import directory
from app.sandbox.commands import Command


def text(settings: Settings, commands: Sequence[Command], *, took_s: float) -> str:
    """What runs where, whom to sign in as, what to do next."""
    widest = max(len(command.about[0]) for command in commands)
    running = [f"  {command.name:<9} {command.about[0]:<{widest}}  {command.about[1]}" for command in commands]
    people = [f"  {person.user_name:<9} {person.name}" for person in directory.PEOPLE]
    return "\n".join(
        [
            "",
            f"{settings.product_name} runs (ready in {took_s:.1f} s). Ctrl-C stops it.",
            "",
            *running,
            "",
            f"Sign in as any of these, password {directory.PASSWORD}",
            *people,
            "",
            f"Now open {settings.portal_url}",
            *([f"Mail is not sent, but read at {settings.portal_url}/outbox/"] if mail.is_kept(settings) else []),
            _where_data_is(settings),
            "",
        ]
    )


def _where_data_is(settings: Settings) -> str:
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    is_ours = database.is_relative_to(settings.data_dir.absolute())
    if is_ours and settings.data_dir == ROOT / "var":
        return "Data and logs are in var/; `make reset` forgets them."
    return f"{'Data and logs' if is_ours else 'Logs'} are in {settings.data_dir}."
