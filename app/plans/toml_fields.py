"""Fields of a TOML file, taken one by one, that say in words what is wrong with them, and on which line."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from app.core.errors import Invalid
from app.plans import amounts

Path = tuple[str | int, ...]
_HEADER = re.compile(r"\s*\[(\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def lines_of(text: str) -> dict[Path, int]:
    """Where each table and key begins, counted from one. What stands in one line with another has that one's."""
    found: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _with_counts(_parts(header[2]), counts)
            if header[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key[1])), number)
    return found


def _parts(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _with_counts(path: Path, counts: Mapping[Path, int]) -> Path:
    """A header below an array of tables belongs to its last element."""
    told: Path = ()
    for part in path:
        told = (*told, counts[told], part) if told in counts else (*told, part)
    return told


class WrongField(Invalid):
    """What cannot be meant. path: of the field. words: what is wrong, without its place."""

    def __init__(self, message: str, path: Path, words: str) -> None:
        super().__init__(message)
        self.path, self.words = path, words


class Field:
    """A value in the file, with the way to it. Every method that reads raises Invalid for what it cannot mean."""

    __slots__ = ("_file", "_lines", "path", "value")

    def __init__(self, value: object, path: Path = (), *, file: str, lines: Mapping[Path, int]) -> None:
        self.value, self.path = value, path
        self._file, self._lines = file, lines

    def wrong(self, words: str) -> NoReturn:
        """Refuse it: “plans.toml, line 12, plans.free.kind: …”."""
        name = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        line = next(
            (self._lines[self.path[:n]] for n in range(len(self.path), 0, -1) if self.path[:n] in self._lines), 1
        )
        raise WrongField(f"{self._file}, line {line}{', ' + name if name else ''}: {words}", self.path, words)

    def lacks(self, *parts: str, words: str) -> NoReturn:
        """Refuse it for what is not in it, at the place where that should be."""
        Field(None, (*self.path, *parts), file=self._file, lines=self._lines).wrong(words)

    def table(self, known: Collection[str] | None = None) -> dict[str, "Field"]:
        """Its fields by name. known: all that there may be; None for any."""
        if not isinstance(self.value, dict):
            self.wrong("this is a table: write { … } or a heading in brackets.")
        for name in self.value:
            if known is not None and name not in known:
                near = get_close_matches(name, known, 1)
                meant = f"Did you mean “{near[0]}”?" if near else f"There is: {', '.join(known)}."
                self._below(name).wrong(f"nothing here is called “{name}”. {meant}")
        return {name: self._below(name) for name in self.value}

    def items(self) -> Iterator["Field"]:
        """The elements of a list, in order."""
        if not isinstance(self.value, list):
            self.wrong("this is a list: write [ … ].")
        for index in range(len(self.value)):
            yield self._below(index)

    def text(self, *, most: int) -> str:
        """A text of 1 to `most` characters."""
        if not isinstance(self.value, str) or not 0 < len(self.value.strip()) <= most:
            self.wrong(f"write a text of at most {most} characters, in quotes.")
        return self.value.strip()

    def one_of(self, choices: Collection[str]) -> str:
        if not isinstance(self.value, str) or self.value not in choices:
            self.wrong(f"choose one of: {', '.join(choices)}.")
        return self.value

    def slug(self) -> str:
        """A short name for URLs and files, of 1 to 40 characters."""
        if not isinstance(self.value, str) or not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", self.value):
            self.wrong("use small letters, digits and dashes, at most 40.")
        return self.value

    def whole(self, *, least: int = 0, most: int = 10**15) -> int:
        """A whole number from `least` to `most`."""
        if type(self.value) is not int or not least <= self.value <= most:
            self.wrong(f"write a whole number from {least:,} to {most:,}, without quotes.")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.wrong("write true or false.")
        return self.value

    def amount(self, currency: str) -> int:
        """Nano-minor-units of an amount such as "0.002", in the currency's major unit."""
        return self._amount(currency, amounts.parse)

    def amount_minor(self, currency: str) -> int:
        """Whole minor units of an amount such as "49.00"."""
        return self._amount(currency, amounts.parse_minor)

    def _amount(self, currency: str, parse: Callable[..., int]) -> int:
        if not isinstance(self.value, str):
            self.wrong('write amounts in quotes, like "0.002": numbers without them would be rounded.')
        try:
            return parse(self.value, currency=currency)
        except Invalid as problem:
            self.wrong(problem.message)

    def _below(self, part: str | int) -> "Field":
        inside: Any = self.value
        return Field(inside[part], (*self.path, part), file=self._file, lines=self._lines)
