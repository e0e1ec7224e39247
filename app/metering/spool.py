"""Where events wait on local disk while the database is away: one file per process, drained in order when it is back.

docs/adr/0011 says why, and what a file looks like. The first thread to write here is the ledger's; the only one to take
away is the drain's (drain.py).
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import uuid4

import msgspec
from sqlalchemy.engine import make_url

from app.core import clock
from app.limits.holds import Settlement
from app.metering.entry import Answer, Entry
from app.metering.ledger import EventRow
from app.metering.spool_file import FIRST_LINE, SpoolFile

log = logging.getLogger(__name__)

SUFFIX = ".spool"
MOST_AT_THE_END = 100
"""Groups for which those that come later wait: one transaction."""


class Waiting(msgspec.Struct):
    """One entry, as kept on disk."""

    row: EventRow
    receipt: str
    settlements: list[Settlement]
    answer: Answer | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Waiting]).decode


@dataclass(frozen=True, slots=True)
class Stock:
    """size: bytes of events. oldest_s: since the oldest file was begun, 0 for none. broken: files set aside as such."""

    files: int
    size: int
    oldest_s: float
    broken: int


class Spool:
    """One process's waiting events, and those that dead processes left behind in the same folder."""

    def __init__(self, folder: Path, *, database_url: str, max_bytes: int) -> None:
        """database_url: which database the events belong to; files of others are left alone."""
        self.folder = folder
        self._database = _name_of(database_url)
        self._max_bytes = max_bytes
        self._file: SpoolFile | None = None
        self._lock = threading.Lock()

    @property
    def is_active(self) -> bool:
        """Whether events of this process wait."""
        return self._file is not None

    @property
    def size(self) -> int:
        """Bytes that wait."""
        file = self._file
        return file.size if file is not None else 0

    def put(self, entries: Sequence[Entry], *, is_following: bool = False) -> bool:
        """Keep them durably, all or none. is_following: only if others wait already; gives whether they are kept.

        Raises OSError: no room, by the disk's measure or by the limit.
        """
        data = _encode([self._waiting(entry) for entry in entries])
        with self._lock:
            if self._file is not None:
                self._file.append(data)
                return True
            if is_following:
                return False
            file = self._make()
            try:
                file.append(data)
            except OSError:
                file.remove()
                raise
            log.error("spool.begun", extra={"file": file.path.name})
            self._file = file
            return True

    def groups(self) -> Iterator[list[Waiting]]:
        """This process's groups, oldest first; more may come meanwhile."""
        file = self._file
        if file is not None:
            yield from map(_decode, file.records())

    def finish(self, count: int, write: Callable[[list[Waiting]], object]) -> bool:
        """Forget everything, once `write` has had what came after the first `count` groups; nothing is added meanwhile,
        or there would always be one more. Gives whether it was done: not if too much has come for that.

        Raises what `write` raises, with everything as it was.
        """
        with self._lock:
            if self._file is None:
                return True
            if self._file.count - count > MOST_AT_THE_END:
                return False
            rest = [one for group in islice(self.groups(), count, None) for one in group]
            if rest:
                write(rest)
            self._file.remove()
            self._file = None
            return True

    def orphans(self) -> Iterator[SpoolFile]:
        """The files of processes that have died, each locked against anybody else who looks."""
        for path in sorted(self.folder.glob("*" + SUFFIX)):
            if path.name.startswith(self._database + "-"):
                file = SpoolFile.adopt(path)
                if file is not None:
                    yield file

    def stock(self) -> Stock:
        """What lies in the folder for this database, whoever put it there. Any thread may ask."""
        begun: list[float] = []
        size = 0
        for path in self.folder.glob(f"{self._database}-*{SUFFIX}"):
            with suppress(FileNotFoundError):  # drained in this moment
                found = path.stat()
                size += max(0, found.st_size - len(FIRST_LINE))
                begun.append(_begun_at(path.stem, found.st_mtime))
        broken = sum(1 for _ in self.folder.glob(f"{self._database}-*.broken"))
        oldest_s = max(0.0, clock.now().timestamp() - min(begun)) if begun else 0.0
        return Stock(files=len(begun), size=size, oldest_s=oldest_s, broken=broken)

    def close(self) -> None:
        """Let go of what waits, for whoever comes next."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _make(self) -> SpoolFile:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun_ms = int(clock.now().timestamp() * 1000)
        name = f"{self._database}-{begun_ms:013}-{uuid4().hex[:12]}{SUFFIX}"
        return SpoolFile.create(self.folder / name, max_bytes=self._max_bytes)

    @staticmethod
    def _waiting(entry: Entry) -> Waiting:
        return Waiting(entry.row, entry.receipt, list(entry.settlements), entry.answer)


def groups_in(file: SpoolFile) -> Iterator[list[Waiting]]:
    """Of an adopted file. Raises spool_file.Broken, and msgspec.MsgspecError for what another release wrote."""
    yield from map(_decode, file.records())


def _name_of(database_url: str) -> str:
    """Tells databases apart without saying anything about them."""
    url = make_url(database_url).set(password=None).render_as_string()
    return hashlib.sha256(url.encode()).hexdigest()[:12]


def _begun_at(name: str, modified_at: float) -> float:
    """When a file was begun, in seconds since 1970: its name says so, but for those of earlier releases."""
    parts = name.split("-")
    return int(parts[1]) / 1000 if len(parts) == 3 and parts[1].isdigit() else modified_at
