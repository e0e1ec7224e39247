"""Bringing events that waited on disk into the ledger, also those that a process left behind when it died.

Every event is looked for before it is written, so that draining the same file twice, or an event whose commit had
worked after all, adds nothing. Any process may adopt what the dead of its machine left: gateways and the worker do.
"""

import logging
from collections.abc import Iterable, Sequence

import msgspec

from app.metering import spool as spools
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.spool import Spool, Waiting
from app.metering.spool_file import Broken

log = logging.getLogger(__name__)

BATCH = 500
"""Events in a transaction, about."""


def adopt(connection: LedgerConnection, spool: Spool) -> int:
    """Write down what dead processes left in the spool's folder; gives how many events the ledger had lacked.

    Raises what the driver raises; then what is left is there for the next time.
    """
    found = 0
    for file in spool.orphans():
        try:
            count = _write_all(connection, spools.groups_in(file))
        except (Broken, msgspec.MsgspecError) as problem:
            kept = file.set_aside()
            log.error("spool.broken", extra={"file": str(kept), "why": str(problem)})
            continue
        except BaseException:
            file.close()
            raise
        log.info("spool.adopted", extra={"file": file.path.name, "events": count})
        file.remove()
        found += count
    return found


def write(connection: LedgerConnection, group: Sequence[Waiting]) -> int:
    """Those of a group that the ledger lacks. Gives how many there were. Raises what the driver raises."""
    known = connection.existing([one.row["id"] for one in group])
    missing = [_entry(one) for one in group if one.row["id"] not in known]
    if missing:
        try:
            connection.write(missing)
        except Exception as problem:
            if connection.is_passing(problem):
                raise
            _split(connection, group, problem)
    return len(missing)


def _write_all(connection: LedgerConnection, groups: Iterable[list[Waiting]]) -> int:
    written, batch = 0, []
    for group in groups:
        batch += group
        if len(batch) >= BATCH:
            written += write(connection, batch)
            batch = []
    return written + write(connection, batch)


def _split(connection: LedgerConnection, group: Sequence[Waiting], problem: Exception) -> None:
    """Find the event that the database refuses, so that all others get in; it stays in the log in full."""
    if len(group) > 1:
        middle = len(group) // 2
        write(connection, group[:middle])
        write(connection, group[middle:])
    else:
        lost = msgspec.json.encode(group[0].row).decode()
        log.error("spool.refused", extra={"receipt": group[0].row["id"], "row": lost}, exc_info=problem)


def _entry(one: Waiting) -> Entry:
    entry = Entry(one.row, settlements=one.settlements, answer=one.answer)
    entry.is_owed = True
    entry.receipt = one.receipt
    return entry
