"""A machine on loopback for tests of outgoing calls: it counts who comes, and says what a test scripts."""

import contextlib
import socket
import threading


class Host:
    """`with Host(script) as host`: script(connection, request) speaks on each connection once a request's head is in.

    requests: the heads that arrived, as bytes. connections: how many were opened, also without a request.
    """

    def __init__(self, script=None, *, tls=None, address="127.0.0.1"):
        self.connections = 0
        self.requests = []
        self._script = script
        self._tls = tls
        self._server = socket.create_server((address, 0))
        self.port = self._server.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}/mcp"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(30)
            with contextlib.suppress(OSError), connection:
                self._speak(connection)

    def _speak(self, connection):
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return
            head += data
        self.requests.append(head)
        if self._script is not None:
            self._script(connection)
        connection.close()


def says(*pieces):
    """A script: always these bytes."""

    def script(connection):
        for piece in pieces:
            connection.sendall(piece)

    return script


def answer(body=b"{}", *, status="200 OK", more=""):
    """A whole HTTP answer with a length."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


class Resolver:
    """Answers instead of the system's: names to lists of answers, given one after the other, the last for ever.

    asked: the names, in order.
    """

    def __init__(self, **answers):
        self.asked = []
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}

    def __call__(self, host, port, *_, **__):
        self.asked.append(host)
        given = self._answers[host]
        found = given.pop(0) if len(given) > 1 else given[0]
        return [self._entry(address, port) for address in found]

    @staticmethod
    def _entry(address, port):
        if ":" in address:
            return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
        return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
