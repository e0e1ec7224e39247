"""The gateway is a process apart: what it does not load cannot slow it down or break it."""

import json
import subprocess
import sys

FOREIGN = (
    "flask",
    "werkzeug",
    "jinja2",
    "wtforms",
    "requests",
    "httpx",
    "aiohttp",
    "mcp",
    "stripe",
    "canaille",
    "uvicorn",
)


def test_importing_the_gateway_loads_no_flask_and_no_other_client():
    code = "import app.gateway.__main__, sys, json; print(json.dumps(sorted(sys.modules)))"

    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    loaded = set(json.loads(output))
    assert not loaded & set(FOREIGN)
    assert not [name for name in loaded if name.startswith(("app.web", "app.accounts", "app.portal", "app.admin"))]
