"""The tools that the scenarios of the optional tasks extension call, answered at once: a server need not make tasks.

Some of their checks are about such servers, and calling a tool that is not there would pass them by accident.
"""

from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from tests.conformance.full_server.server import server


@server.tool(structured_output=False)
def greet(name: str = "world") -> str:
    """A greeting."""
    return f"Hello, {name}!"


@server.tool(structured_output=False)
def slow_compute(seconds: float = 0, label: str = "") -> str:
    """Only says how long it would have taken."""
    return f"{label} would have taken {seconds:g} s."


@server.tool(structured_output=False)
def confirm_delete(filename: str) -> str:
    """Deletes nothing."""
    return f"{filename} is still there."


@server.tool(structured_output=False)
def multi_input() -> str:
    """Asks nothing."""
    return "There was nothing to ask."


@server.tool(structured_output=False)
def failing_job() -> str:
    """Always a tool’s own error."""
    raise ToolError("This job fails.")


@server.tool(structured_output=False)
def protocol_error_job() -> str:
    """Always an error of the protocol."""
    raise MCPError(code=1001, message="This job fails otherwise.")
