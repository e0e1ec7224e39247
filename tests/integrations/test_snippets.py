"""The commands on “Your first call” are complete: pasted as they are, they make the call."""

import json
import shlex

import pytest

from app.gateway import mirrors
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


def test_a_call_can_be_made_again_with_the_key_in_a_variable(make):
    integration = make.integration("sampler", example_tool="greet", example_arguments=QUOTES)
    definition = '{"inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}'

    def body_of(tool):
        line = snippets.again(integration, tool, definition=definition, gateway_url="http://127.0.0.1:8301")
        assert '"Authorization: Bearer $POSTERN_KEY"' in line
        words = shlex.split(line.replace("\\\n", " "))
        return words, json.loads(words[words.index("-d") + 1])["params"]

    assert body_of("greet")[1]["arguments"] == json.loads(QUOTES)
    assert body_of("add")[1]["arguments"] == {"n": 0}
    words, said = body_of("grüße's $HOME")
    assert said["name"] == "grüße's $HOME"
    assert mirrors.decoded(next(word for word in words if "Mcp-Name" in word)[10:].encode()) == said["name"]


def test_without_an_example_only_ways_to_connect_are_given(make):
    found = snippets.for_first_call(make.integration("sampler"), gateway_url="http://127.0.0.1:8301", secret=SECRET)

    assert [snippet.slug for snippet in found] == ["claude-code", "cursor", "vs-code"]
