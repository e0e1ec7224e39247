"""Following what a process writes to its log, and telling apart what somebody should see."""

import re
from collections.abc import Iterator
from pathlib import Path

ALARM = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b|\"level\": \"(?:warning|error|critical)\"")
ALARM_WITHIN = 100  # characters: a level stands at the start of its line, what follows is only data
TRACEBACK = "Traceback (most recent call last):"


class Tail:
    """Reads a growing file from where it was left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self._rest = b""
        self._in_traceback = False

    def alarms(self) -> Iterator[str]:
        """New lines that are a warning or worse, tracebacks whole."""
        return (line for line in self._new_lines() if self._is_alarming(line))

    def last(self, count: int) -> list[str]:
        """The last `count` lines, whatever they say."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 64 * 1024))
            return file.read().decode(errors="replace").splitlines()[-count:]

    def _new_lines(self) -> Iterator[str]:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        return (line.decode(errors="replace") for line in lines)

    def _is_alarming(self, line: str) -> bool:
        if line.startswith(TRACEBACK):
            self._in_traceback = True
            return True
        if self._in_traceback:
            self._in_traceback = not line or line[0].isspace()  # its last line, the exception, isn't indented
            return True
        return ALARM.search(line, 0, ALARM_WITHIN) is not None
