"""A FastMCP proxy, run by the Python of its own environment: `fastmcp_proxy.py default|shared PORT UPSTREAM`.

default: as its documentation begins, a client of its own for every call. shared: one client, connected once, for all
calls. The key of its one caller is in KEY.
"""

import os
import sys

import uvloop
from fastmcp import Client
from fastmcp.server import create_proxy
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier


async def main(mode: str, port: int, upstream: str) -> None:
    """Serves until the process is ended."""
    if mode == "shared":
        async with Client(upstream) as client:
            await _serve(client, port, is_json=True)
    else:
        await _serve(upstream, port, is_json=False)


async def _serve(target: Client | str, port: int, *, is_json: bool) -> None:
    keys = {os.environ["KEY"]: {"client_id": "bench", "scopes": []}}
    proxy = create_proxy(target, name="bench", auth=StaticTokenVerifier(keys))
    await proxy.run_http_async(
        host="127.0.0.1",
        port=port,
        json_response=is_json,
        show_banner=False,
        log_level="error",
        uvicorn_config={"access_log": False, "timeout_graceful_shutdown": 1},
    )


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
