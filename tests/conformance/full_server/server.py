"""The server that the other modules hang their tools, prompts and resources on."""

from mcp.server.mcpserver import MCPServer

server = MCPServer(
    "postern-full-server",
    title="Full server",
    instructions="For conformance tests. Each tool shows one thing that the protocol can carry.",
    version="1.0.0",
    log_level="WARNING",
)
