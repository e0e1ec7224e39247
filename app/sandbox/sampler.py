"""The sample integration: an MCP server on the official SDK with a tool for each thing a gateway must carry.

`python -m app.sandbox.sampler` serves it at http://127.0.0.1:<sampler_port>/mcp, to clients of the handshake era and of
2026-07-28. Nothing it does leaves this machine.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, ImageContent, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from app.core import config
from app.sandbox import pictures, serving

FAILED_AS_ASKED = 1001  # the protocol keeps -32768…-32000 for itself
SLEEPERS = "sampler://sleepers"
ABOUT = """# Sampler

A sample integration that runs beside Postern on one machine, so that a first call needs nobody else.
Call `greet` first; `count_down` streams, `fail` fails, `sleep` is slow, `bar_chart` answers with a picture.
"""
PLAIN = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

sampler = MCPServer(
    "postern-sampler",
    title="Sampler",
    description="A sample integration with one tool for each thing that can pass through Postern.",
    instructions="Call greet first. The other tools show structured results, progress, failures, slowness and images.",
    version="1.0.0",
    log_level="WARNING",
)


class WordCount(BaseModel):
    """What `word_count` found in a text."""

    words: int = Field(description="How many words, split at white space.")
    characters: int = Field(description="How many characters, white space included.")
    lines: int = Field(description="How many lines.")
    longest_word: str = Field(description="The first of the longest words; empty if there is none.")


class Chart(BaseModel):
    """The figures that `bar_chart` drew."""

    values: list[float] = Field(description="The values, left to right.")
    total: float = Field(description="Their sum.")
    largest: float = Field(description="The value whose bar fills the height.")


@sampler.tool(title="Greet", annotations=PLAIN, structured_output=False)
def greet(
    name: Annotated[str, Field(description="Whom to greet.", min_length=1, max_length=200)] = "world",
) -> str:
    """Greet someone by name. The quickest tool, and a good first call."""
    return f"Hello, {name}! This answer came through Postern’s sample integration."


@sampler.tool(title="Count words", annotations=PLAIN)
def word_count(text: Annotated[str, Field(description="The text to count in.", max_length=1_000_000)]) -> WordCount:
    """Count the words, characters and lines of a text. Answers with structured content."""
    words = text.split()
    return WordCount(
        words=len(words),
        characters=len(text),
        lines=len(text.splitlines()),
        longest_word=max(words, key=len, default=""),
    )


@sampler.tool(title="Count down", annotations=PLAIN, structured_output=False)
async def count_down(
    context: Context[Any, Any],
    from_number: Annotated[int, Field(description="The number to start at.", ge=1, le=1000)] = 5,
    pause_ms: Annotated[int, Field(description="Milliseconds between numbers.", ge=0, le=5000)] = 200,
) -> str:
    """Count down to zero and report each number as progress, so that the answer streams."""
    for step in range(from_number):
        await context.report_progress(step, from_number, f"{from_number - step} …")
        await anyio.sleep(pause_ms / 1000)
    await context.report_progress(from_number, from_number, "Zero!")
    return f"Counted down from {from_number}."


@sampler.tool(title="Fail", annotations=PLAIN, structured_output=False)
def fail(
    message: Annotated[str, Field(description="What the failure says.", max_length=2000)] = "Failed, as asked.",
    kind: Annotated[
        Literal["tool_error", "protocol_error"],
        Field(description="tool_error: a result marked isError. protocol_error: a JSON-RPC error, no result."),
    ] = "tool_error",
) -> str:
    """Fail in the way asked for, to see how a client shows it."""
    if kind == "protocol_error":
        raise MCPError(code=FAILED_AS_ASKED, message=message)
    raise ToolError(message)


@sampler.tool(title="Sleep", annotations=PLAIN, structured_output=False)
async def sleep(
    context: Context[Any, Any],
    seconds: Annotated[float, Field(description="How long to take.", ge=0, le=30)] = 3,
) -> str:
    """Take a while to answer. Stops at once when the call is cancelled; sampler://sleepers counts the calls asleep."""
    async with _asleep(context):
        await anyio.sleep(seconds)
    return f"Slept for {seconds:g} s."


@sampler.tool(title="Draw a bar chart", annotations=PLAIN)
def bar_chart(
    values: Annotated[list[float], Field(description="One bar each, left to right.", min_length=1, max_length=60)],
) -> Annotated[CallToolResult, Chart]:
    """Draw a bar chart. Answers with structured content and a PNG image."""
    chart = Chart(values=values, total=sum(values), largest=max(values))
    image = base64.b64encode(pictures.bar_chart(values)).decode()
    return CallToolResult(
        content=[
            TextContent(type="text", text=chart.model_dump_json()),
            ImageContent(type="image", data=image, mime_type="image/png"),
        ],
        structured_content=chart.model_dump(),
    )


@sampler.resource("sampler://about", title="About the sampler", mime_type="text/markdown")
def about() -> str:
    """What this server is for."""
    return ABOUT


@sampler.resource(SLEEPERS, title="Calls asleep", mime_type="text/plain")
def sleepers() -> str:
    """How many calls of `sleep` are running now, in this process."""
    return str(len(_sleeping))


@sampler.resource("sampler://squares/{number}", title="A number squared", mime_type="text/plain")
def square(number: int) -> str:
    """The square of a whole number."""
    return str(number * number)


@sampler.prompt(title="Summarise a text")
def summarise(
    text: Annotated[str, Field(description="The text to summarise.")],
    audience: Annotated[str, Field(description="Who will read the summary.")] = "a busy colleague",
) -> str:
    """Ask for a summary in three sentences, written for one audience."""
    return f"Summarise the text below in three plain sentences for {audience}.\n\n{text}"


def main() -> None:
    """Serve until a signal says stop."""
    serving.set_up_logs()
    sampler.streamable_http_app()  # the SDK's way to reach the low-level server behind `sampler`
    application = serving.app(sampler.session_manager.app, is_well=lambda: True)
    serving.serve(application, config.load().sampler_port)


_sleeping: set[object] = set()


@asynccontextmanager
async def _asleep(context: Context[Any, Any]) -> AsyncIterator[None]:
    call = object()
    _sleeping.add(call)
    try:
        await context.notify_resource_updated(SLEEPERS)
        yield
    finally:
        _sleeping.remove(call)
        with anyio.CancelScope(shield=True):  # the bus is in this process: nothing here can wait
            await context.notify_resource_updated(SLEEPERS)


async def _refuse_unknown_tools(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Answer -32602 to a call of a tool that isn't there, as both revisions ask; the SDK answers a tool error."""
    if ctx.method == "tools/call" and ctx.params is not None:
        name = ctx.params.get("name")
        if isinstance(name, str) and name not in {tool.name for tool in await sampler.list_tools()}:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {name}")
    return await call_next(ctx)


sampler.middleware.append(_refuse_unknown_tools)


if __name__ == "__main__":
    main()
