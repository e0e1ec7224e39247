"""What was decided about requests that make neither an event nor a row of refused tries, so that it can be explained.

What is decided before anything is sent gives the request a new id, which names those about whom the same was decided
(app/metering/crowds.py); that costs a dictionary's look-up. Calls that become events never come here.
"""

from uuid import UUID

from app.core import logs
from app.gateway.call import Call
from app.gateway.incoming import Incoming
from app.gateway.meter import RULES_LENGTH, TOOL_LENGTH, storable
from app.gateway.policy import Policy
from app.gateway.reply import Reply
from app.keys.grants import Grant
from app.metering import crowds
from app.metering.crowds import Alike
from app.metering.notebook import AttemptRow, Notebook

METHOD_LENGTH = 80


class Decisions:
    """For the event loop."""

    def __init__(self, policy: Policy, notebook: Notebook) -> None:
        self._policy = policy
        self._crowds = notebook.crowds
        self._refused = notebook.refused_crowds

    def let_in(self, call: Call, reply: Reply, *, rules: str) -> None:
        """It is free: there will be no event."""
        self._join(self._alike(call, crowds.LET_IN, rules=rules), call.incoming, reply)

    def declined(self, call: Call, reply: Reply, *, why: str) -> None:
        """It was let in, and will not be made. why: the failure's error class."""
        self._join(self._alike(call, crowds.DECLINED, reason=why), call.incoming, reply)

    def replayed(self, call: Call, reply: Reply, *, receipt: str) -> None:
        """It will be answered as the call with that receipt was."""
        self._join(self._alike(call, crowds.REPLAYED, receipt=receipt), call.incoming, reply)

    def taken_apart(self, incoming: Incoming, reply: Reply, grant: Grant, integration_id: UUID) -> None:
        """It is an array, whose messages go on as requests of their own."""
        alike = Alike(
            crowds.ARRAY,
            self._policy.version,
            organisation_id=grant.organisation_id,
            key_id=grant.key_id,
            integration_id=integration_id,
        )
        self._join(alike, incoming, reply)

    def has_read(self, incoming: Incoming, reply: Reply, grant: Grant, *, what: str) -> None:
        """It was for something that its organisation may read. what: the beginning of its path."""
        alike = Alike(
            crowds.LET_IN,
            self._policy.version,
            organisation_id=grant.organisation_id,
            key_id=grant.key_id,
            path=what,
            method=incoming.method,
        )
        self._join(alike, incoming, reply)

    def came_to_nothing(self, call: Call, decision: str, receipt: str) -> None:
        """A call that was made has no event in the end. receipt: the id that it was handed out."""
        alike = self._alike(call, decision, receipt=receipt)
        self._crowds.alone(alike, call.incoming.request_id, at=call.incoming.at)

    def refused(self, row: AttemptRow, incoming: Incoming, reply: Reply) -> bool:
        """One of too many refused tries to keep each; gives whether anything is."""
        alike = Alike(
            crowds.REFUSED,
            row["policy_version"],
            row["reason"],
            row["http_status"],
            row["organisation_id"],
            row["key_id"],
            path=row["path"],
            method=row["method"],
            tool=row["tool"],
            key_hint=row["key_hint"],
            rule_id=row["rule_id"],
        )
        request_id = self._refused.join(alike, at=row["at"], detail=row["detail"])
        return _rename(incoming, reply, request_id)

    def _alike(self, call: Call, decision: str, *, reason: str = "", rules: str = "", receipt: str = "") -> Alike:
        message, grant = call.envelope, call.grant
        return Alike(
            decision,
            self._policy.version,
            reason,
            0,
            grant.organisation_id,
            grant.key_id,
            call.destination.route.integration_id,
            "",
            storable(message.method or call.incoming.method, METHOD_LENGTH),
            storable(message.name or "", TOOL_LENGTH) if message.is_metered else "",
            "",
            None,
            rules[:RULES_LENGTH],
            receipt,
        )

    def _join(self, alike: Alike, incoming: Incoming, reply: Reply) -> None:
        _rename(incoming, reply, self._crowds.join(alike, at=incoming.at))


def _rename(incoming: Incoming, reply: Reply, request_id: str) -> bool:
    """Nothing has been said under the old id yet. Gives whether there is a new one."""
    if request_id:
        incoming.request_id = reply.request_id = request_id
        logs.set_request_id(request_id)
    return bool(request_id)
