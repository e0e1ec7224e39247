"""An append-only file of records, each durable and checked: what a process killed in the middle of one left behind is
told from what it finished.

A record is its length and its CRC-32, four bytes each, big-endian, and then its bytes. After the file's first line.
"""

import fcntl
import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct

log = logging.getLogger(__name__)

FIRST_LINE = b"postern spool 1\n"
_HEAD = Struct(">II")


class Full(OSError):
    """It has reached its limit."""


class Broken(ValueError):
    """A record in the middle is not as it was written: the disk, or somebody, changed it."""


class SpoolFile:
    """Locked by whoever holds it while its process lives. size: bytes of records; count: records written here."""

    def __init__(self, path: Path, descriptor: int, *, max_bytes: int) -> None:
        self.path = path
        self.size = 0
        self.count = 0
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._is_spoilt = False

    @classmethod
    def create(cls, path: Path, *, max_bytes: int) -> "SpoolFile":
        """A new one. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        file = cls(path, descriptor, max_bytes=max_bytes)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(descriptor, FIRST_LINE, 0)
            os.fsync(descriptor)
            _sync_folder(path.parent)
        except OSError:
            file.remove()
            raise
        return file

    @classmethod
    def adopt(cls, path: Path) -> "SpoolFile | None":
        """The file of a process that has died; None while one lives that holds it, or when it is gone."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as problem:  # of another user: its events wait for who may read it
            log.warning("spool.unreadable", extra={"file": path.name, "why": problem.strerror})
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                file = cls(path, descriptor, max_bytes=0)
                file.size = max(0, os.fstat(descriptor).st_size - len(FIRST_LINE))
                return file
        except OSError:  # somebody else's, or drained in this moment
            log.debug("spool.taken", extra={"file": path.name})
        os.close(descriptor)
        return None

    def append(self, data: bytes) -> None:
        """Durable when this returns. Raises OSError, with nothing added."""
        if self._is_spoilt:
            raise Full("a write failed half-way and could not be undone")
        if self.size + _HEAD.size + len(data) > self._max_bytes:
            raise Full(f"{self._max_bytes} bytes of events wait already")
        at = len(FIRST_LINE) + self.size
        record = _HEAD.pack(len(data), zlib.crc32(data)) + data
        try:
            _write_all(self._descriptor, record, at)
            os.fsync(self._descriptor)
        except OSError:
            self._undo(at)
            raise
        self.size += len(record)
        self.count += 1

    def records(self) -> Iterator[bytes]:
        """All records, oldest first, those included that are added meanwhile.

        What was not finished at the end was never promised to anybody, and is left out. Raises Broken.
        """
        at = len(FIRST_LINE)
        if self.size and os.pread(self._descriptor, at, 0) != FIRST_LINE:
            raise Broken("it does not begin as a spool does")
        while at < (end := len(FIRST_LINE) + self.size):
            head = os.pread(self._descriptor, _HEAD.size, at)
            length, checksum = _HEAD.unpack(head) if len(head) == _HEAD.size else (end, 0)
            at += _HEAD.size
            data = os.pread(self._descriptor, length, at) if at + length <= end else b""
            is_last = at + length >= end
            at += length
            if len(data) == length and zlib.crc32(data) == checksum:
                yield data
            elif is_last:
                log.warning("spool.torn", extra={"file": self.path.name, "bytes": end - at + length + _HEAD.size})
                return
            else:
                raise Broken(f"the record before byte {at} was changed")

    def remove(self) -> None:
        """Delete it, and let go."""
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> Path:
        """Rename it so that nobody takes it for one to be drained, and let go."""
        kept = self.path.with_suffix(".broken")
        self.path.rename(kept)
        self.close()
        return kept

    def close(self) -> None:
        """Let go of it as it is."""
        os.close(self._descriptor)

    def _undo(self, at: int) -> None:
        try:
            os.ftruncate(self._descriptor, at)
        except OSError:
            self._is_spoilt = True


def _write_all(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
