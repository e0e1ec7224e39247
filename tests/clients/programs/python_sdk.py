"""The official Python SDK, 2.x."""

import httpx2
import visits
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def visited(visit, mode):
    headers = {"Authorization": f"Bearer {visit['key']}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(visit["url"], http_client=http), mode=mode) as client,
    ):

        async def call_tool(name, noted):
            result = await client.call_tool(name, {}, progress_callback=noted)
            return not result.is_error, result.content

        return {
            "version": client.protocol_version,
            "tools": len((await client.list_tools()).tools),
            "calls": await visits.call(visit["calls"], call_tool),
        }


visits.run(visited)
