"""Other gateways for MCP, each in an environment of its own, measured beside ours."""
