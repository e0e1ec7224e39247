"""Whether the ports that `postern run` wants are free, and what to do about those that aren't."""

import socket
from collections.abc import Sequence

from app.sandbox.commands import Command


def complaint(commands: Sequence[Command], *, base_port: int) -> str | None:
    """What to tell the person, naming each port that can't be had; None if all are free."""
    wanted = [(command.name, setting, port) for command in commands for setting, port in command.ports.items()]
    lines = [
        f"  {port}  wanted by {name}; {setting} moves it"
        for name, setting, port in wanted
        if _is_taken(port) or [each for _, _, each in wanted].count(port) > 1
    ]
    if not lines:
        return None
    verb = "port is" if len(lines) == 1 else "ports are"
    other = base_port + 1000 if base_port + 1000 < 65000 else base_port - 1000
    return "\n".join(
        [
            f"Nothing was started: {len(lines)} {verb} taken by another program, or wanted twice.",
            *lines,
            f"To move all of them at once: POSTERN_BASE_PORT={other} make run",
        ]
    )


def _is_taken(port: int) -> bool:
    """Whether someone answers on loopback, by either protocol that localhost may mean, or won't let us listen."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as caller:
                caller.settimeout(0.5)
                if caller.connect_ex((address, port)) == 0:
                    return True
        except OSError:
            continue  # a machine without IPv6
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
