"""One proxy adds a key and leaves alone what a client says about hosts; the other hangs up when told to."""

import http.client
import http.server
import threading
from contextlib import contextmanager

import pytest

from tests.conformance.proxies import breaking_proxy, keyed_proxy

SEEN: list[dict[str, str]] = []


class Target(http.server.BaseHTTPRequestHandler):
    """Answers with the body it got, and keeps in SEEN the headers that came with it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        SEEN.append({name.lower(): value for name, value in self.headers.items()})
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def target():
    SEEN.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def post():
    """Sends headers through the proxy, twice on one connection; answers what the target saw and where it is."""

    def send(headers):
        with target() as place, keyed_proxy(place, "pst_secret") as url:
            own = url.removeprefix("http://")
            connection = http.client.HTTPConnection(own, timeout=10)
            for body in (b"first", b"second"):
                connection.putrequest("POST", "/mcp/full", skip_host=True)
                for name, value in headers(own):
                    connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
                assert connection.getresponse().read() == body
            connection.close()
            assert len(SEEN) == 2
            return SEEN[0], place

    return send


def test_a_key_is_added(post):
    seen, _ = post(lambda own: [("Host", own)])

    assert seen["authorization"] == "Bearer pst_secret"


def test_its_own_name_becomes_the_targets(post):
    seen, place = post(lambda own: [("Host", own), ("Origin", f"http://{own}")])

    assert (seen["host"], seen["origin"]) == (place, f"http://{place}")


def test_another_name_stays(post):
    seen, _ = post(lambda own: [("Host", "evil.example"), ("Origin", "http://evil.example"), ("Mcp-Name", "  a  ")])

    assert (seen["host"], seen["origin"]) == ("evil.example", "http://evil.example")


def test_it_breaks_off_at_a_word():
    with target() as place, breaking_proxy(place, "not this") as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("POST", "/mcp/full", b"but this")
        assert connection.getresponse().read() == b"but this"

        connection.request("POST", "/mcp/full", b"and not this")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
