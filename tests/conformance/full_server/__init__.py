"""An MCP server with everything that the public conformance suite asks a server for, in both eras.

It is on the official SDK and passes all that is required of a server, so that whatever is missing behind a gateway was
lost in the gateway. `python -m tests.conformance.full_server <port>` serves it at http://127.0.0.1:<port>/mcp.
"""
