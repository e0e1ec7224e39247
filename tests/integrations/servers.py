"""An MCP server on loopback for tests of discovery: it speaks the revisions and lists the tools that it is given."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.integrations import queries

SESSION = "session-1"


class McpServer:
    """`with McpServer(tools=[…]) as server`. Everything may be changed while it runs.

    versions: of the protocol, the newest first. page: tools on each page. is_stream: answers are events. credential:
    (header, value) without which it answers 401. status: instead of an answer. raw: answers by method,
    %s for the id. requests: (method, message or None,
    headers) of all that came.
    """

    def __init__(self, *, tools=(), versions=("2026-07-28", "2025-11-25"), page=2, is_stream=False, **more):
        self.tools = list(tools)
        self.versions = versions
        self.page = page
        self.is_stream = is_stream
        self.credential = None
        self.status = None
        self.instructions = "Call find first."
        self.prompts = []
        self.capabilities = {"tools": {}, "prompts": {}}
        self.raw = {}
        self.requests = []
        vars(self).update(more)

    def __enter__(self):
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"mcp": self}))
        self.url = f"http://127.0.0.1:{self._http.server_port}/mcp"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def methods(self):
        """What was asked, in order."""
        return [message["method"] if message else method for method, message, _ in self.requests]

    def result_of(self, message, session):
        """(result or None, error code)."""
        method, params = message["method"], message.get("params", {})
        version = params.get("_meta", {}).get("io.modelcontextprotocol/protocolVersion")
        if method == "server/discover":
            return (
                (self._about() | {"supportedVersions": list(self.versions)}, 0) if self._is_modern else (None, -32601)
            )
        if method == "initialize":
            spoken = [one for one in self.versions if one < "2026"]
            asked = params["protocolVersion"]
            return (
                (None, -32022)
                if not spoken
                else (
                    self._about() | {"protocolVersion": asked if asked in spoken else spoken[0]},
                    0,
                )
            )
        if version is None and session != SESSION:
            return None, -32600
        if method == "tools/list":
            return self._page(params.get("cursor")), 0
        return ({"prompts": self.prompts}, 0) if method == "prompts/list" else (None, -32601)

    @property
    def _is_modern(self):
        return self.versions[0] >= "2026"

    def _about(self):
        return {
            "capabilities": self.capabilities,
            "serverInfo": {"name": "test", "version": "1"},
            "instructions": self.instructions,
        }

    def _page(self, cursor):
        start = int(cursor or 0)
        page = {"tools": self.tools[start : start + self.page]}
        return page | {"nextCursor": str(start + self.page)} if start + self.page < len(self.tools) else page


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = json.loads(body)
        self.mcp.requests.append(("POST", message, dict(self.headers)))
        if self.mcp.credential is not None and self.headers.get(self.mcp.credential[0]) != self.mcp.credential[1]:
            return self._say(401, b"")
        if self.mcp.status is not None:
            return self._say(self.mcp.status, b"")
        if "id" not in message:
            return self._say(202, b"")
        if message["method"] in self.mcp.raw:
            return self._say(200, self.mcp.raw[message["method"]].replace(b"%s", b"%d" % message["id"]))
        result, code = self.mcp.result_of(message, self.headers.get("Mcp-Session-Id"))
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        answer |= {"result": result} if result is not None else {"error": {"code": code, "message": "no"}}
        return self._say(200 if result is not None else 400, json.dumps(answer).encode(), message["method"])

    def do_DELETE(self):
        self.mcp.requests.append(("DELETE", None, dict(self.headers)))
        self._say(204, b"")

    def _say(self, status, body, method=""):
        is_stream = self.mcp.is_stream and status == 200
        if is_stream:
            note = b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}'
            body = b": hello\r\n\r\nid: 1\ndata: \n\ndata: %s\n\nevent: message\ndata: %s\n\n" % (note, body)
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream" if is_stream else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if method == "initialize":
            self.send_header("Mcp-Session-Id", SESSION)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def tool(name, description="A tool.", **more):
    """A definition."""
    return {"name": name, "description": description, "inputSchema": {"type": "object"}, **more}


def states(session, slug="search"):
    """Name to state of an integration's tools, as they are in the database now."""
    session.expire_all()
    return {one.name: one.state for one in queries.tools_of(session, queries.by_slug(session, slug))}
