"""Tools for each kind of answer, and for what can travel ahead of one."""

import json
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from tests.conformance.full_server import media
from tests.conformance.full_server.server import server

PAUSE_S = 0.05  # what the suite's own description asks for
SCHEMA_2020_12 = {  # each of its keywords has to arrive as it is
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@server.tool(structured_output=False)
def test_simple_text() -> str:
    """A text."""
    return "This is a simple text response for testing."


@server.tool(structured_output=False)
def test_image_content() -> ImageContent:
    """A picture."""
    return _picture()


@server.tool(structured_output=False)
def test_audio_content() -> AudioContent:
    """A sound."""
    return AudioContent(type="audio", data=media.text(media.wav()), mime_type="audio/wav")


@server.tool(structured_output=False)
def test_embedded_resource() -> EmbeddedResource:
    """A resource inside a result."""
    return _resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")


@server.tool(structured_output=False)
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """A text, a picture and a resource in one result."""
    told = json.dumps({"test": "data", "value": 123})
    return [
        TextContent(type="text", text="Multiple content types test:"),
        _picture(),
        _resource("test://mixed-content-resource", "application/json", told),
    ]


@server.tool(structured_output=False)
def test_error_handling() -> str:
    """Always a tool’s own error."""
    raise ToolError("This tool intentionally returns an error for testing")


@server.tool(structured_output=False)
async def test_tool_with_logging(context: Context[Any, Any]) -> str:
    """Three log messages, then a text."""
    await _log(context, "Tool execution started")
    await anyio.sleep(PAUSE_S)
    await _log(context, "Tool processing data")
    await anyio.sleep(PAUSE_S)
    await _log(context, "Tool execution completed")
    return "Logged three messages."


@server.tool(structured_output=False)
async def test_logging_tool(context: Context[Any, Any]) -> str:
    """A log message for whoever asked for log messages, then a text."""
    await _log(context, "Not everyone should read this.")
    return "Logged one message."


@server.tool(structured_output=False)
async def test_tool_with_progress(context: Context[Any, Any]) -> str:
    """Progress in three steps, then a text."""
    await context.report_progress(0, 100)
    await anyio.sleep(PAUSE_S)
    await context.report_progress(50, 100)
    await anyio.sleep(PAUSE_S)
    await context.report_progress(100, 100)
    return "Went through three steps."


@server.tool(structured_output=False)
def test_missing_capability(context: Context[Any, Any]) -> str:
    """Works only for a client that can sample."""
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs a client that can sample.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "You can sample."


@server.tool(structured_output=False)
async def test_trigger_tool_change(context: Context[Any, Any]) -> str:
    """Tell whoever listens that the tools have changed."""
    await context.notify_tools_changed()
    return "Told."


@server.tool(structured_output=False)
async def test_trigger_prompt_change(context: Context[Any, Any]) -> str:
    """Tell whoever listens that the prompts have changed."""
    await context.notify_prompts_changed()
    return "Told."


@server.tool(structured_output=False)
def test_x_mcp_header(
    region: Annotated[str, Field(description="Repeated in a header.", json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """An argument that has to stand in the header Mcp-Param-Region, too."""
    return f"Region: {region}"


@server.tool(structured_output=False)
def json_schema_2020_12_tool() -> str:
    """Has an input schema with many keywords of JSON Schema 2020-12."""
    return "Understood."


server._tool_manager.get_tool("json_schema_2020_12_tool").parameters = SCHEMA_2020_12  # the SDK makes its own otherwise


def _picture() -> ImageContent:
    return ImageContent(type="image", data=media.text(media.png()), mime_type="image/png")


def _resource(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


async def _log(context: Context[Any, Any], words: str) -> None:
    await context.log("info", words)
