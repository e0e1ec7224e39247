"""The sample integration, spoken to by the official client in both eras."""

import asyncio
import base64
import json

import pytest
import requests

from tests.ports import free_port
from tests.sandbox.processes import running
from tests.sandbox.talking import ERAS, cancelled_sleep, refusal, talk
from tests.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def sampler(tmp_path_factory):
    port = free_port()
    log = tmp_path_factory.mktemp("sampler") / "log"
    with running("app.sandbox.sampler", ready_url=f"http://127.0.0.1:{port}/healthz", log=log, sampler_port=port):
        yield f"http://127.0.0.1:{port}/mcp"
    assert "ERROR" not in log.read_text()


@pytest.fixture(params=ERAS)
def era(request):
    return request.param


def test_greet_answers_by_name(sampler, era):
    result = talk(sampler, era, lambda client: client.call_tool("greet", {"name": "Alex"}))

    assert result.content[0].text.startswith("Hello, Alex!")


def test_every_tool_is_described(sampler, era):
    tools = talk(sampler, era, lambda client: client.list_tools()).tools

    assert {tool.name for tool in tools} == {"greet", "word_count", "count_down", "fail", "sleep", "bar_chart"}
    for tool in tools:
        assert tool.title
        assert tool.description
        assert all("description" in argument for argument in tool.input_schema["properties"].values())


def test_word_count_is_structured_as_its_schema_says(sampler, era):
    async def conversation(client):
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "word_count"]
        return tool, await client.call_tool("word_count", {"text": "one fine\nday"})

    tool, result = talk(sampler, era, conversation)

    assert result.structured_content == {"words": 3, "characters": 12, "lines": 2, "longest_word": "fine"}
    assert set(tool.output_schema["properties"]) == set(result.structured_content)


def test_count_down_reports_each_step_before_it_answers(sampler, era):
    seen = []

    async def conversation(client):
        async def progress(done, total, message):
            seen.append((done, total, message))

        result = await client.call_tool("count_down", {"from_number": 3, "pause_ms": 1}, progress_callback=progress)
        return result, len(seen)

    result, seen_before = talk(sampler, era, conversation)

    assert [done for done, _, _ in seen] == [0, 1, 2, 3]
    assert seen[-1] == (3, 3, "Zero!")
    assert seen_before == len(seen)
    assert result.content[0].text == "Counted down from 3."


def test_fail_fails_as_asked(sampler, era):
    async def conversation(client):
        tool_error = await client.call_tool("fail", {"message": "On purpose", "kind": "tool_error"})
        return tool_error, await refusal(client, "fail", {"message": "On purpose", "kind": "protocol_error"})

    tool_error, protocol_error = talk(sampler, era, conversation)

    assert tool_error.is_error
    assert "On purpose" in tool_error.content[0].text
    assert (protocol_error.code, protocol_error.message) == (1001, "On purpose")


def test_unknown_tool_is_a_protocol_error(sampler, era):
    problem = talk(sampler, era, lambda client: refusal(client, "nothing", {}))

    assert (problem.code, problem.message) == (-32602, "Unknown tool: nothing")


def test_bar_chart_is_figures_and_a_picture(sampler, era):
    result = talk(sampler, era, lambda client: client.call_tool("bar_chart", {"values": [1, 4, 2]}))

    picture = next(block for block in result.content if block.type == "image")
    assert result.structured_content == {"values": [1, 4, 2], "total": 7, "largest": 4}
    assert json.loads(result.content[0].text) == result.structured_content
    assert picture.mime_type == "image/png"
    assert base64.b64decode(picture.data).startswith(b"\x89PNG\r\n")


def test_prompts_and_resources_are_there_too(sampler, era):
    async def conversation(client):
        prompt = await client.get_prompt("summarise", {"text": "A long story."})
        square = await client.read_resource("sampler://squares/12")
        about = await client.read_resource("sampler://about")
        return prompt, square, about

    prompt, square, about = talk(sampler, era, conversation)

    assert "A long story." in prompt.messages[0].content.text
    assert square.contents[0].text == "144"
    assert about.contents[0].mime_type == "text/markdown"


def test_cancelled_sleep_stops(sampler, era):
    assert talk(sampler, era, cancelled_sleep) == 0


def test_listener_hears_that_a_call_fell_asleep(sampler):
    async def conversation(client):
        async with client.listen(resource_subscriptions=["sampler://sleepers"]) as events:
            await client.call_tool("sleep", {"seconds": 0})
            return await anext(aiter(events))

    assert talk(sampler, "2026-07-28", conversation).uri == "sampler://sleepers"


def test_tool_call_needs_no_handshake(sampler):
    answer = _post(sampler, {"method": "tools/call", "params": {"name": "greet", "arguments": {"name": "Sam"}}})

    assert answer.status_code == 200
    assert "Hello, Sam!" in answer.content.decode()


def test_session_from_before_a_restart_is_served(sampler):
    answer = _post(
        sampler, {"method": "tools/list"}, **{"Mcp-Session-Id": "0" * 32, "MCP-Protocol-Version": "2025-11-25"}
    )

    assert answer.status_code == 200
    assert "word_count" in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 10_000, b'"initialize"', b'{"method": "initialize"}'])
def test_malformed_body_is_refused(sampler, body):
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    answer = requests.post(sampler, data=body, headers=headers, timeout=PATIENCE_S)

    assert answer.status_code == 400


def test_page_of_another_site_is_refused(sampler):
    answer = _post(sampler, {"method": "tools/list"}, Origin="https://elsewhere.example")

    assert answer.status_code == 403


def test_many_callers_are_served_at_once(sampler):
    async def conversation(client):
        calls = [client.call_tool("sleep", {"seconds": 0.2}) for _ in range(20)]
        return await asyncio.gather(*calls)

    results = talk(sampler, "2026-07-28", conversation)

    assert all(result.content[0].text == "Slept for 0.2 s." for result in results)


def _post(url, message, **headers):
    headers |= {"Accept": "application/json, text/event-stream"}
    return requests.post(url, json={"jsonrpc": "2.0", "id": 1, **message}, headers=headers, timeout=PATIENCE_S)
