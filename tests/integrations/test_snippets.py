"""The commands on “Your first call” are complete: pasted as they are, they make the call."""

import json
import shlex

import pytest

from app.integrations import snippets

SECRET = "pst_test_notarealkeynotarealkeynotarealkey"
QUOTES = """{"text": "it's \\"quoted\\" $HOME `id` \\\\ é", "flag": true, "none": null}"""


@pytest.fixture(params=['{"name": "Alex"}', QUOTES])
def made(request, make):
    integration = make.integration("sampler", example_tool="greet", example_arguments=request.param)
    found = snippets.for_first_call(integration, gateway_url="http://127.0.0.1:8301", secret=SECRET)
    return json.loads(request.param), {snippet.slug: snippet.code for snippet in found}


def test_each_holds_the_key_and_the_address(made):
    for code in made[1].values():
        assert SECRET in code
        assert "http://127.0.0.1:8301/k/sampler/mcp" in code


def test_the_curl_line_is_one_whole_stateless_call(made):
    arguments, codes = made
    words = shlex.split(codes["curl"].replace("\\\n", " "))

    body = json.loads(words[words.index("-d") + 1])
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    assert words[:2] == ["curl", "http://127.0.0.1:8301/k/sampler/mcp"]
    assert body["params"]["arguments"] == arguments
    assert (headers["Mcp-Method"], headers["Mcp-Name"]) == (body["method"], body["params"]["name"])
    assert headers["MCP-Protocol-Version"] == body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"]


def test_the_python_file_compiles_and_holds_the_same_arguments(made):
    arguments, codes = made
    compile(codes["python"], "first_call.py", "exec")

    assert repr(arguments) in codes["python"]


@pytest.mark.parametrize(("slug", "root"), [("cursor", "mcpServers"), ("vs-code", "servers")])
def test_client_configurations_are_json(made, slug, root):
    server = json.loads(made[1][slug])[root]["sampler"]

    assert server["headers"]["Authorization"] == f"Bearer {SECRET}"


def test_without_an_example_only_ways_to_connect_are_given(make):
    found = snippets.for_first_call(make.integration("sampler"), gateway_url="http://127.0.0.1:8301", secret=SECRET)

    assert [snippet.slug for snippet in found] == ["claude-code", "cursor", "vs-code"]
