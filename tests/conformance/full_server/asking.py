"""Tools of the handshake era that ask the client something while they run, and one whose stream breaks off."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import ElicitResult, SamplingMessage, TextContent

from tests.conformance.full_server.server import server

OPTIONS = ["option1", "option2", "option3"]


@server.tool(structured_output=False)
async def test_sampling(prompt: str, context: Context[Any, Any]) -> str:
    """Have the client’s model answer a prompt."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await context.session.create_message([message], max_tokens=100, related_request_id=context.request_id)
    said = answer.content.text if isinstance(answer.content, TextContent) else "no text"
    return f"LLM response: {said}"


@server.tool(structured_output=False)
async def test_elicitation(message: str, context: Context[Any, Any]) -> str:
    """Ask the client’s user for a name and an address."""
    fields = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    answer = await _ask(context, message, fields, required=["username", "email"])
    return f"User response: {_told(answer)}"


@server.tool(structured_output=False)
async def test_elicitation_sep1034_defaults(context: Context[Any, Any]) -> str:
    """Ask with a default for each type of field."""
    statuses = ["active", "inactive", "pending"]
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": statuses, "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return f"Elicitation completed: {_told(await _ask(context, 'Are these right?', fields))}"


@server.tool(structured_output=False)
async def test_elicitation_sep1330_enums(context: Context[Any, Any]) -> str:
    """Ask with each form of a choice."""
    titled = [{"const": f"value{n}", "title": f"{nth} Option"} for n, nth in enumerate(("First", "Second", "Third"), 1)]
    fields = {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return f"Elicitation completed: {_told(await _ask(context, 'Which ones?', fields))}"


@server.tool(structured_output=False)
async def test_reconnection(context: Context[Any, Any]) -> str:
    """Break off the stream before the answer, which can be fetched on the next one."""
    await context.close_sse_stream()
    return "Reached you on another stream."


async def _ask(context: Context[Any, Any], message: str, fields: dict[str, Any], *, required=()) -> ElicitResult:
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return await context.session.elicit_form(message, schema, related_request_id=context.request_id)


def _told(answer: ElicitResult) -> str:
    return f"action={answer.action}, content={answer.content}"
