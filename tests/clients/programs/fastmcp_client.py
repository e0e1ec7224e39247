"""FastMCP’s client."""

import visits
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport


async def visited(visit, mode):
    async with Client(StreamableHttpTransport(visit["url"]), auth=visit["key"], mode=mode, timeout=60) as client:

        async def call_tool(name, noted):
            result = await client.call_tool(name, {}, progress_handler=noted)
            return True, result.content

        return {
            "version": client.protocol_version,
            "tools": len(await client.list_tools()),
            "calls": await visits.call(visit["calls"], call_tool),
        }


visits.run(visited)
