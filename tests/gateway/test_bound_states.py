"""What an integration of 2026-07-28 hands out with its questions is bound to who was asked, and for what: T7, T21."""

import json

import pytest

from tests.gateway.eras.servers import ask_modern, event, modern, modern_headers, response, stream_head
from tests.gateway.keyed import a_key
from tests.gateway.upstreams import Upstream

ASKED = [
    ("tools/call", {}),
    ("prompts/get", {"name": "p"}),
    ("resources/read", {"uri": "file:///a"}),
]
FORM = {"method": "elicitation/create", "params": {"mode": "form", "message": "?"}}
CAPABILITIES = {"elicitation": {}}


def wanting(*, as_event, question=FORM, padding=""):
    """An integration that asks before it answers, and knows who was asked by the state “s1”."""

    async def script(request, reader, writer):
        result = {"resultType": "complete", "content": [], "messages": [], "contents": []}
        if request.message["params"].get("requestState") != "s1":
            result = {"resultType": "input_required", "inputRequests": {"a": question}, "requestState": "s1"}
            result |= {"padding": padding} if padding else {}
        if as_event:
            writer.write(stream_head() + event({"jsonrpc": "2.0", "id": request.message["id"], "result": result}))
            writer.close()
        else:
            writer.write(response(request, result))

    return script


def result_of(got):
    return json.loads(got.body.rpartition(b"data: ")[2])["result"]


@pytest.mark.parametrize("as_event", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(("method", "params"), ASKED, ids=[method for method, _ in ASKED])
async def test_t7_a_state_is_good_for_its_key_and_request_alone(
    open_sqlite_gateway, sqlite_engine, method, params, as_event, now
):
    from sqlmodel import Session

    from tests.factories import Factory

    with Session(sqlite_engine) as session:
        _, others = a_key(session, Factory(session, now))
    async with (
        Upstream(wanting(as_event=as_event)) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        asked = result_of(await ask_modern(caller, modern(method, capabilities=CAPABILITIES, **params)))
        given = {"inputResponses": {"a": {"action": "accept"}}, "requestState": asked["requestState"]}
        again = modern(method, capabilities=CAPABILITIES, **params, **given)
        elsewhere = {**again, "params": {**again["params"], "arguments": {"x": "other"}}}
        raw = modern(method, capabilities=CAPABILITIES, **params, **given | {"requestState": "s1"})
        own, caller.secret = caller.secret, others
        stolen = await ask_modern(caller, again)
        caller.secret = own
        refused = [stolen, await ask_modern(caller, elsewhere), await ask_modern(caller, raw)]
        spelled = json.dumps(raw).replace('"requestState"', '"request\\u0053tate"').encode()
        refused.append(await caller.call(body=spelled, headers=modern_headers(caller, raw)))
        answered = await ask_modern(caller, again)

        assert asked["requestState"] != "s1"
        assert [one.error["code"] for one in refused] == [-32602] * 4
        assert result_of(answered)["resultType"] == "complete"
        assert len(upstream.requests) == 2


@pytest.mark.parametrize("as_event", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(("method", "params"), ASKED, ids=[method for method, _ in ASKED])
@pytest.mark.parametrize("padding", ["", "x" * 3_000_000], ids=["plain", "padded"])
async def test_t21_nobody_is_asked_for_what_their_client_does_not_take(
    open_sqlite_gateway, method, params, as_event, padding
):
    sly = {"method": "elicitation/create", "params": {"mode": "url", "url": "javascript:alert(1)", "message": "!"}}
    script = wanting(as_event=as_event, question=sly, padding=padding)
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await ask_modern(caller, modern(method, capabilities=CAPABILITIES, **params))

        assert not got.is_complete or b"bad_answer" in got.body
        assert all(one.units == 0 for one in caller.events)


async def test_a_stream_that_breaks_off_before_its_response_says_so(open_sqlite_gateway):
    async def breaks(request, reader, writer):
        writer.write(stream_head() + b": hello\n\n")
        writer.close()

    async with Upstream(breaks) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await ask_modern(caller, modern("prompts/get", name="p"))

        assert b"broke_off" in got.body
