"""Resources, prompts and completions."""

import json

from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import Completion, EmbeddedResource, ImageContent, TextResourceContents

from tests.conformance.full_server import media
from tests.conformance.full_server.server import server


@server.resource("test://static-text", description="A text.", mime_type="text/plain")
def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary", description="A picture.", mime_type="image/png")
def static_binary() -> bytes:
    """A picture."""
    return media.png()


@server.resource("test://watched-resource", description="Can be subscribed to.", mime_type="text/plain")
def watched_resource() -> str:
    """Can be subscribed to."""
    return "Nothing has changed yet."


@server.resource("test://template/{id}/data", description="Anything by its id.", mime_type="application/json")
def template(id: str) -> str:  # noqa: A002  (the suite’s word)
    """Anything by its id."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@server.prompt()
def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803  (the suite’s word)
    """A prompt with a resource inside."""
    contents = TextResourceContents(
        uri=resourceUri, mime_type="text/plain", text="Embedded resource content for testing."
    )
    return [
        UserMessage(EmbeddedResource(type="resource", resource=contents)),
        UserMessage("Please process the embedded resource above."),
    ]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    """A prompt with a picture inside."""
    picture = ImageContent(type="image", data=media.text(media.png()), mime_type="image/png")
    return [UserMessage(picture), UserMessage("Please analyze the image above.")]


@server.completion()
async def complete(ref, argument, context) -> Completion:
    """Words that begin as the argument does."""
    found = [word for word in ("paris", "park", "party", "testing") if word.startswith(argument.value)]
    return Completion(values=found, total=len(found), has_more=False)
