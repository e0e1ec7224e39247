"""nginx in both its parts: the upstream that answers MCP, and the plain reverse proxy to compare with."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import fetch, machine
from bench.processes import Process, running
from bench.tools import Tools

HERE = Path(__file__).parent


@contextmanager
def upstream(tools: Tools, *, name: str, folder: Path, core: int | None) -> Iterator[tuple[Process, str]]:
    """An MCP server and its address: nginx with Lua, else the one in plain_upstream.py."""
    port = machine.free_port()
    if tools.nginx and tools.lua_modules:
        location = f"location /mcp {{ default_type application/json; content_by_lua_file {HERE / 'upstream.lua'}; }}"
        command = _command(tools.nginx, folder / name, port, location, modules=tools.lua_modules)
    else:
        command = [sys.executable, "-m", "bench.plain_upstream", str(port)]
    with running(
        name, command, folder=folder, core=core, cwd=HERE.parent, is_ready=lambda: fetch.listens(port)
    ) as process:
        yield process, f"http://127.0.0.1:{port}/mcp"


@contextmanager
def proxy(nginx: str, upstream_url: str, *, folder: Path, core: int | None) -> Iterator[tuple[Process, str]]:
    """A reverse proxy that checks and counts nothing, and its address.

    Its connections to the upstream are kept, and it passes on what comes as it comes: so does the gateway.
    """
    port = machine.free_port()
    server = upstream_url.removeprefix("http://").partition("/")[0]
    outside = f"upstream mcp {{ server {server}; keepalive 2048; keepalive_requests 1000000000; }}"
    location = """
      location /mcp {
        proxy_pass http://mcp;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_buffering off;
        proxy_request_buffering off;
      }"""
    command = _command(nginx, folder / "nginx", port, location, outside=outside)
    with running("nginx", command, folder=folder, core=core, is_ready=lambda: fetch.listens(port)) as process:
        yield process, f"http://127.0.0.1:{port}/mcp"


def _command(
    nginx: str, folder: Path, port: int, location: str, *, outside: str = "", modules: tuple[str, ...] = ()
) -> list[str]:
    """What starts an nginx of one worker whose files all lie in `folder`."""
    folder.mkdir()
    temporary = "\n".join(
        f"{name}_temp_path {folder / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = f"""
    {"".join(f"load_module {module};" for module in modules)}
    {f"user {getpass.getuser()};" if os.geteuid() == 0 else ""}
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile 32768;
    pid {folder / "pid"};
    events {{ worker_connections 16384; }}
    http {{
      access_log off;
      keepalive_requests 1000000000;
      client_body_buffer_size 64k;
      {temporary}
      {outside}
      server {{
        listen 127.0.0.1:{port} backlog=1024;
        {location}
      }}
    }}
    """
    file = folder / "nginx.conf"
    file.write_text(configuration, encoding="utf-8")
    return [nginx, "-p", str(folder), "-e", "stderr", "-c", str(file)]
