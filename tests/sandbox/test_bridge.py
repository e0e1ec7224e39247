"""The bridge: a stdio server that nobody here wrote, and one that has everything a bridge must carry."""

import sys

import psutil
import pytest
import requests
from mcp import MCPError

from tests.ports import free_port
from tests.sandbox.processes import running
from tests.sandbox.talking import ERAS, cancelled_sleep, refusal, sleeping_call, talk
from tests.waiting import PATIENCE_S, eventually

CLOCK = (sys.executable, "-m", "mcp_server_time")
SAMPLER = (sys.executable, "-c", "from app.sandbox.sampler import sampler; sampler.run()")


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    yield from _bridged(CLOCK, tmp_path_factory.mktemp("clock") / "log")


@pytest.fixture(scope="module")
def sampler(tmp_path_factory):
    yield from _bridged(SAMPLER, tmp_path_factory.mktemp("sampler") / "log")


@pytest.fixture(params=ERAS)
def era(request):
    return request.param


def test_time_server_tells_the_time(clock, era):
    async def conversation(client):
        tools = await client.list_tools()
        return tools, await client.call_tool("get_current_time", {"timezone": "Europe/London"})

    tools, result = talk(clock, era, conversation)

    assert [tool.name for tool in tools.tools] == ["get_current_time", "convert_time"]
    assert result.structured_content["timezone"] == "Europe/London"


def test_bridge_goes_by_the_name_of_its_server(clock):
    async def conversation(client):
        return client.server_info

    assert talk(clock, "auto", conversation).name == "mcp-time"
    assert talk(clock, "legacy", conversation).name == "mcp-time"


def test_error_of_the_server_comes_through(clock, era):
    problem = talk(clock, era, lambda client: refusal(client, "nothing", {}))

    assert (problem.code, problem.message) == (-32602, "Unknown tool: nothing")


def test_prompts_resources_and_progress_come_through(sampler, era):
    seen = []

    async def conversation(client):
        async def progress(done, *_):
            seen.append(done)

        await client.call_tool("count_down", {"from_number": 2, "pause_ms": 1}, progress_callback=progress)
        prompt = await client.get_prompt("summarise", {"text": "A long story."})
        templates = await client.list_resource_templates()
        return prompt, templates, await client.read_resource("sampler://squares/5")

    prompt, templates, square = talk(sampler, era, conversation)

    assert seen == [0, 1, 2]
    assert "A long story." in prompt.messages[0].content.text
    assert templates.resource_templates[0].uri_template == "sampler://squares/{number}"
    assert square.contents[0].text == "25"


def test_cancelling_reaches_the_server(sampler, era):
    assert talk(sampler, era, cancelled_sleep) == 0


def test_server_that_dies_is_started_again(tmp_path):
    port = free_port()
    log = tmp_path / "log"

    async def ask(client):
        return await client.call_tool("get_current_time", {"timezone": "UTC"})

    url = f"http://127.0.0.1:{port}"
    with _bridge(CLOCK, port, log) as bridge:
        (child,) = psutil.Process(bridge.pid).children()
        child.kill()
        eventually(lambda: "bridge.server_ended" in log.read_text())

        result = eventually(lambda: talk(f"{url}/mcp", "legacy", ask))  # it waits itself, but on no machine for ever

        assert result.structured_content["timezone"] == "UTC"
        assert requests.get(f"{url}/healthz", timeout=PATIENCE_S).ok


def test_call_in_flight_when_the_server_dies_is_told_so(tmp_path):
    port = free_port()

    async def conversation(client):
        call = await sleeping_call(client)
        (child,) = psutil.Process(bridge.pid).children()
        child.kill()
        with pytest.raises(MCPError, match="ended before it answered"):
            await call

    with _bridge(SAMPLER, port, tmp_path / "log") as bridge:
        talk(f"http://127.0.0.1:{port}/mcp", "2026-07-28", conversation)


def test_bridge_takes_its_server_with_it(tmp_path):
    with _bridge(CLOCK, free_port(), tmp_path / "log") as bridge:
        (child,) = psutil.Process(bridge.pid).children()

    eventually(lambda: not child.is_running())


def test_command_that_does_not_start_ends_the_bridge(tmp_path):
    with (
        pytest.raises(AssertionError, match="No such file"),
        _bridge(("no-such-command",), free_port(), tmp_path / "log"),
    ):
        pass


def _bridge(command, port, log):
    ready = f"http://127.0.0.1:{port}/healthz"
    return running("app.sandbox.bridge", "--port", str(port), "--", *command, ready_url=ready, log=log)


def _bridged(command, log):
    port = free_port()
    with _bridge(command, port, log):
        yield f"http://127.0.0.1:{port}/mcp"
