"""Saying no: the answer to a request that is not passed on, and a note of it for “Your first call”."""

import logging

import msgspec

from app.core import crypto
from app.core.config import Settings
from app.gateway import auth, envelope, errors, places
from app.gateway.caller import Caller
from app.gateway.decisions import Decisions
from app.gateway.errors import MessageId, Refused
from app.gateway.incoming import Incoming
from app.gateway.meter import storable
from app.gateway.metrics import Metrics
from app.gateway.policy import Policy
from app.gateway.reply import HeaderList, Reply
from app.metering import attempts
from app.metering.notebook import AttemptRow, Notebook

log = logging.getLogger(__name__)

RETRY_AFTER_S = 2


class Refusals:
    """Answers and notes refused requests."""

    def __init__(
        self, settings: Settings, *, policy: Policy, notebook: Notebook, decisions: Decisions, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._secret_key = settings.secret_key.get_secret_value()
        self._policy = policy
        self._notebook = notebook
        self._decisions = decisions
        self._metrics = metrics

    async def answer(self, refused: Refused, incoming: Incoming, caller: Caller, reply: Reply) -> None:
        """Say why, in the form that this client reads, and see that it can be read."""
        self._metrics.refused(refused.reason)
        is_message = incoming.method == "POST"
        is_slow = refused.reason == attempts.TOO_SLOW
        may_glance = is_message and not is_slow and not incoming.asks_before_sending
        text = await caller.glance() if may_glance else b""
        message_id, method, tool = envelope.glance(text) if text else (None, "", "")
        self._note(refused, incoming, reply, method=method, tool=tool)
        log.info("request.refused", extra={"reason": refused.reason, "status": refused.status})
        words = refused.words(
            path=storable(incoming.path, 200),
            keys_url=self._settings.portal_url + "/keys",
            gateway_url=self._settings.gateway_url,
            operator=self._settings.operator,
        )
        more = [*_headers(refused, incoming.path), *refused.headers]
        is_unread = is_message and not caller.is_whole
        if is_unread:
            more.append((b"connection", b"close"))
        if is_message or places.parse(incoming.path) is not None:
            said, kind = self._as_message(refused, words, message_id, incoming.request_id), b"application/json"
        else:
            said, kind = self._as_problem(refused, words, incoming.request_id), b"application/problem+json"
        await reply.begin(refused.status, len(said), kind=kind, more=more)
        if is_unread and not is_slow:
            await reply.write(said)
            await caller.pour_away()
            await reply.finish()
        else:
            await reply.finish(said)

    def _as_message(self, refused: Refused, words: str, message_id: MessageId, request_id: str) -> bytes:
        return errors.body(
            message_id, refused.code, words, reason=refused.reason, request_id=request_id, more=refused.data
        )

    def _as_problem(self, refused: Refused, words: str, request_id: str) -> bytes:
        """RFC 9457, for whoever came with a browser or curl."""
        problem = {"title": words, "status": refused.status, "reason": refused.reason, "requestId": request_id}
        return msgspec.json.encode(problem)

    def _note(self, refused: Refused, incoming: Incoming, reply: Reply, *, method: str, tool: str) -> None:
        """Keep it by itself, or, where too many come, together with those that are much the same."""
        hint = refused.key_hint or auth.hint_in(incoming.lines)
        grant = refused.grant or self._policy.by_prefix.get(hint)
        if refused.reason == attempts.WRONG_PATH and grant is None and incoming.method != "POST":
            return  # browsers, scanners, and clients that look for OAuth: nobody's try at a call
        address = incoming.caller_address(proxy_hops=self._settings.proxy_hops)
        row: AttemptRow = {
            "id": incoming.request_id,
            "at": incoming.at,
            "organisation_id": grant.organisation_id if grant is not None else None,
            "key_id": grant.key_id if grant is not None else None,
            "address_digest": crypto.keyed_digest(self._secret_key, "address", address),
            "reason": refused.reason,
            "http_status": refused.status,
            "path": storable(incoming.path, 200),
            "method": storable(method, 80),
            "tool": storable(tool, 128),
            "key_hint": hint,
            "detail": storable(refused.detail, 300),
            "rule_id": refused.rule_id,
            "policy_version": self._policy.version,
        }
        if not self._notebook.refused(row) and not self._decisions.refused(row, incoming, reply):
            self._metrics.attempts_dropped.inc()


def _headers(refused: Refused, path: str) -> HeaderList:
    if refused.status == 401:
        return [(b"www-authenticate", places.challenge(path))]
    if refused.status == 405:
        return [(b"allow", b"POST, GET, DELETE")]
    if refused.status == 503:
        return [(b"retry-after", b"%d" % RETRY_AFTER_S)]
    return []
