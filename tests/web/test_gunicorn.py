"""The portal as it is deployed: gunicorn with its configuration, several workers, metrics on a port of their own."""

import json
import re
import socket
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest
import requests

from app.core import db, migrate
from tests.ports import free_base_port
from tests.sandbox.processes import ROOT, environment, running
from tests.waiting import PATIENCE_S, eventually


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """(base address, metrics address, log file, pid) of a portal with two workers."""
    folder = tmp_path_factory.mktemp("portal")
    base = free_base_port()
    engine = db.create(f"sqlite:///{folder / 'postern.db'}")
    migrate.upgrade(engine)
    engine.dispose()
    url, log = f"http://127.0.0.1:{base}", folder / "log"
    command = ("gunicorn", "-c", "python:app.web.gunicorn", "app.portal:create_app()")
    with running(
        *command, ready_url=f"{url}/readyz", log=log, base_port=base, data_dir=folder, log_format="json"
    ) as process:
        yield url, f"http://127.0.0.1:{base + 5}/metrics", log, process.pid


def raw(url, request):
    """What comes back for `request` as it stands, until the connection ends or nothing more comes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
            if b"Connection: close" in answer and b"\r\n\r\n" in answer:
                with suppress(OSError):  # it may have hung up already
                    connection.shutdown(socket.SHUT_WR)
        return answer.decode()


def lines(log, event):
    found = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


def test_each_answer_is_one_line_without_query_or_address(portal):
    url, _, log, _ = portal

    answer = requests.get(f"{url}/sign-in?next=/secret-place", timeout=PATIENCE_S)

    [line] = eventually(
        lambda: [
            one for one in lines(log, "http.answered") if one["request_id"] == answer.headers["Postern-Request-Id"]
        ]
    )
    assert (line["method"], line["route"], line["status"]) == ("GET", "/sign-in", 200)
    assert line["ms"] > 0
    assert "secret-place" not in log.read_text()
    assert "127.0.0.1" not in json.dumps(line)


def test_health_is_counted_but_not_logged(portal):
    url, metrics, log, _ = portal

    answer = requests.get(f"{url}/healthz", timeout=PATIENCE_S)

    requests.get(f"{url}/sign-in", timeout=PATIENCE_S)
    assert answer.headers["Postern-Request-Id"] not in log.read_text()
    assert 'route="/healthz"' in requests.get(metrics, timeout=PATIENCE_S).text


def test_metrics_add_up_over_all_workers_whichever_answers(portal):
    url, metrics, _, pid = portal
    workers = psutil.Process(pid).children()
    assert len(workers) == 2
    for _ in range(40):
        requests.get(f"{url}/robots.txt", timeout=PATIENCE_S)

    figures = {
        re.search(r'answers_total\{method="GET",route="/robots.txt",status="200"\} (\S+)', text).group(1)
        for text in [requests.get(metrics, timeout=PATIENCE_S).text for _ in range(8)]
    }

    assert figures == {"40.0"}


def test_made_up_methods_and_addresses_make_no_new_series(portal):
    url, metrics, _, _ = portal
    for number in range(5):
        requests.request(f"BREW{number}", f"{url}/made-up/{number}", timeout=PATIENCE_S)

    text = requests.get(metrics, timeout=PATIENCE_S).text

    assert "BREW" not in text
    assert "made-up" not in text
    assert 'method="other",route="-"' in text


def test_metrics_are_not_on_the_portal_s_own_port(portal):
    assert requests.get(f"{portal[0]}/metrics", timeout=PATIENCE_S).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhel",
        b"ffffffffffffffffffff\r\nx\r\n",
        b"-1\r\nx\r\n",
        b"5;\x00\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_malformed_chunks_are_a_400_and_the_connection_ends(portal, body):
    head = b"POST /sign-out HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    host, port = portal[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part

    assert answer.startswith(b"HTTP/1.1 400 "), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ],
    ids=["two hosts", "version", "long line", "many headers", "two lengths", "foreign host"],
)
def test_odd_requests_are_4xx_or_5xx_without_a_trace(portal, request_):
    answer = raw(portal[0], request_)

    assert re.match(r"HTTP/1\.[01] (4\d\d|505) ", answer), answer[:200]
    assert "Traceback" not in answer


def test_forwarded_headers_are_not_believed_without_a_proxy(portal):
    url, _, _, _ = portal
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Script-Name": "/x",
        "X_Forwarded_Proto": "a",
    }

    answer = requests.get(f"{url}/keys/", headers=headers, timeout=PATIENCE_S, allow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/keys/"
    assert "Strict-Transport-Security" not in answer.headers


def test_wrong_settings_are_told_in_one_line(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:app.web.gunicorn", "app.portal:create_app()"],
        cwd=ROOT,
        env=environment(portal_url="ftp://x", data_dir=tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert answer.returncode != 0
    assert "POSTERN_PORTAL_URL" in answer.stderr
    assert "Traceback" not in answer.stderr
