"""What 2026-07-28 has instead of questions on a stream: a result that asks, and the same request again with answers."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

from tests.conformance.full_server.server import server

Rounds = InputRequiredResult | str


@server.tool(structured_output=False)
def test_input_required_result_elicitation(context: Context[Any, Any]) -> Rounds:
    """Ask for a name, then greet."""
    answer = _answer(context, "user_name", ElicitResult)
    if answer is None:
        return InputRequiredResult(input_requests={"user_name": _question("What is your name?", "name")})
    return f"Hello, {(answer.content or {}).get('name')}!"


@server.tool(structured_output=False)
async def test_streaming_elicitation(context: Context[Any, Any]) -> Rounds:
    """Report progress, then ask for a name, then greet."""
    await context.report_progress(1, 2)
    return test_input_required_result_elicitation(context)


@server.tool(structured_output=False)
def test_input_required_result_sampling(context: Context[Any, Any]) -> Rounds:
    """Have the client’s model say what the capital of France is."""
    answer = _answer(context, "capital_question", CreateMessageResult)
    if answer is None:
        return InputRequiredResult(input_requests={"capital_question": _prompt("What is the capital of France?", 100)})
    return f"Sampled: {answer.content.text}" if isinstance(answer.content, TextContent) else "Sampled."


@server.tool(structured_output=False)
def test_input_required_result_list_roots(context: Context[Any, Any]) -> Rounds:
    """Ask where the client works."""
    answer = _answer(context, "client_roots", ListRootsResult)
    if answer is None:
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return "Roots: " + ", ".join(str(root.uri) for root in answer.roots)


@server.tool(structured_output=False)
def test_input_required_result_request_state(context: Context[Any, Any]) -> Rounds:
    """Ask for a confirmation, and know again who confirms."""
    return _confirmed(context)


@server.tool(structured_output=False)
def test_input_required_result_tampered_state(context: Context[Any, Any]) -> Rounds:
    """The same; here the client changes the state, and the SDK’s seal on it breaks."""
    return _confirmed(context)


@server.tool(structured_output=False)
def test_input_required_result_multiple_inputs(context: Context[Any, Any]) -> Rounds:
    """Ask three things at once."""
    requests = {
        "user_name": _question("What is your name?", "name"),
        "greeting": _prompt("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    if set(requests) - set(context.input_responses or {}):
        return InputRequiredResult(input_requests=requests, request_state="three")
    return "All three are here."


@server.tool(structured_output=False)
def test_input_required_result_multi_round(context: Context[Any, Any]) -> Rounds:
    """Ask one thing after the other."""
    if context.request_state is None:
        question = _question("Step 1: What is your name?", "name")
        return InputRequiredResult(input_requests={"step1": question}, request_state="after step 1")
    if context.request_state == "after step 1":
        question = _question("Step 2: What is your favorite color?", "color")
        return InputRequiredResult(input_requests={"step2": question}, request_state="after step 2")
    return "Both steps are done."


@server.tool(structured_output=False)
def test_input_required_result_capabilities(context: Context[Any, Any]) -> Rounds:
    """Ask only what the client says it can answer."""
    capabilities = context.client_capabilities
    requests: dict[str, InputRequest] = {}
    if capabilities is not None and capabilities.sampling is not None:
        requests["greeting"] = _prompt("Generate a greeting", 50)
    if capabilities is not None and capabilities.elicitation is not None:
        requests["user_name"] = _question("What is your name?", "name")
    return InputRequiredResult(input_requests=requests) if requests else "There is nothing to ask you."


@server.prompt()
def test_input_required_result_prompt(context: Context[Any, Any]) -> InputRequiredResult | list[UserMessage]:
    """A prompt that asks for its context first."""
    answer = _answer(context, "user_context", ElicitResult)
    if answer is None:
        question = _question("What context should the prompt use?", "context")
        return InputRequiredResult(input_requests={"user_context": question})
    return [UserMessage(f"Use this context: {(answer.content or {}).get('context')}")]


def _confirmed(context: Context[Any, Any]) -> Rounds:
    if context.request_state is None:
        question = _question("Please confirm", "ok", kind="boolean")
        return InputRequiredResult(input_requests={"confirm": question}, request_state="to be confirmed")
    return "state-ok"


def _answer(context: Context[Any, Any], name: str, kind: type) -> Any:
    found = (context.input_responses or {}).get(name)
    return found if isinstance(found, kind) else None


def _question(message: str, field: str, *, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _prompt(text: str, max_tokens: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=max_tokens))
