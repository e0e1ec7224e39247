"""A mail server on loopback: it takes what it is given, or answers as a test scripts, and remembers it all."""

import contextlib
import socketserver
import threading
from email import message_from_bytes, policy


class MailServer:
    """`with MailServer() as server`. answers: by verb, what it says instead of yes: {"RCPT": "550 5.1.1 nobody"}.

    mails: what it took, parsed. verbs: what was said to it, in order. drops_after: hangs up when this verb comes.
    """

    def __init__(self, *, answers=None, tls=None, drops_after=""):
        self.answers, self.drops_after = dict(answers or {}), drops_after
        self.mails, self.verbs = [], []
        outer = self

        class Talk(socketserver.StreamRequestHandler):
            timeout = 30

            def setup(self):
                if tls is not None:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle(self):
                with contextlib.suppress(OSError):
                    outer._talk(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A client that does not trust us hangs up; that is its right."""

        self._server = Server(("127.0.0.1", 0), Talk)
        self.port = self._server.server_address[1]
        self.url = f"smtp+plain://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _talk(self, lines, out):
        out.write(b"220 mail.example ESMTP\r\n")
        while line := lines.readline():
            verb = line.split()[0].decode().upper()
            self.verbs.append(verb)
            if verb == self.drops_after:
                return
            said = self.answers.get(verb)
            if verb == "EHLO" and said is None:
                said = "250-mail.example\r\n250 AUTH PLAIN"
            elif verb == "DATA" and said is None:
                out.write(b"354 go on\r\n")
                self.mails.append(_until_dot(lines))
            out.write(f"{said or '250 yes'}\r\n".encode())
            if verb == "QUIT":
                return


def _until_dot(lines):
    found = b""
    while (line := lines.readline()) != b".\r\n":
        found += line.removeprefix(b".")
    return message_from_bytes(found, policy=policy.default)
