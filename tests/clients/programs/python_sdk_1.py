"""The official Python SDK, 1.x: handshake era only."""

import httpx
import visits
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def visited(visit, mode):
    headers = {"Authorization": f"Bearer {visit['key']}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(visit["url"], http_client=http) as (reading, writing, _),
        ClientSession(reading, writing) as session,
    ):

        async def call_tool(name, noted):
            result = await session.call_tool(name, {}, progress_callback=noted)
            return not result.isError, result.content

        about = await session.initialize()
        return {
            "version": about.protocolVersion,
            "tools": len((await session.list_tools()).tools),
            "calls": await visits.call(visit["calls"], call_tool),
        }


visits.run(visited)
