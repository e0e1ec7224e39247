"""Whatever calls an address that somebody registered does it by app/core/net.py (docs/adr/0008)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY = {
    "app/core/addresses.py": "reads odd spellings of numbers",
    "app/core/net.py": "the guard",
    "app/core/net_http.py": "the guard's connections",
    "app/core/net_problems.py": "the guard's errors",
    "app/core/mail_smtp.py": "calls what the operator's own settings name",
    "app/gateway/upstream/": "asks the guard at each new connection",
    "app/gateway/server": "listens",
    "app/accounts/oauth.py": "calls what the operator's own settings name, and for the rest asks the guard",
    "app/accounts/oauth_guarded.py": "asks the guard",
    "app/cli/doctor.py": "calls what the operator's own settings name",
    "app/sandbox/": "never part of an installation",
}

WAY_OUT = re.compile(
    r"^\s*(?:import|from)\s+(?:socket|ssl|http\.client|urllib\.request|urllib3|requests|httpx|aiohttp|websockets|ftplib|smtplib)\b"
    r"|\b(?:open_connection|create_connection|urlopen)\("
)


def ways_out(text):
    return [line for line in text.splitlines() if WAY_OUT.search(line)]


def test_only_the_guard_and_those_who_ask_it_open_connections():
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if ways_out(path.read_text()) and not str(path.relative_to(ROOT)).startswith(tuple(MAY))
    }

    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import requests",
        "from urllib3 import PoolManager",
        "import http.client",
        "import smtplib",
        "from urllib.request import urlopen",
        "    reader, writer = await asyncio.open_connection(host, port)",
        "    await loop.create_connection(factory, host, port)",
    ],
)
def test_a_way_out_would_be_noticed(line):
    assert ways_out(line)


@pytest.mark.parametrize(
    "line", ["import socketserver", "from urllib.parse import urlsplit", "from http import HTTPStatus"]
)
def test_what_is_none_is_left_alone(line):
    assert not ways_out(line)
