"""A stand-in for GitHub: signs reports, and serves the list of its public keys as api.github.com does."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Signer:
    """A key pair of GitHub's."""

    def __init__(self, key_id):
        self.id = key_id
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def pem(self):
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, body):
        return base64.b64encode(self._key.sign(body, ec.ECDSA(SHA256()))).decode()

    def headers(self, body):
        return {"Github-Public-Key-Identifier": self.id, "Github-Public-Key-Signature": self.sign(body)}


class Hub:
    """`with Hub() as hub`. signers: whose keys are listed. status: of its answers. asked: headers of each question."""

    def __init__(self):
        self.signers = [Signer("a" * 64), Signer("b" * 64)]
        self.status, self.asked, self.body = 200, [], None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append({name.lower(): value for name, value in self.headers.items()})
                body, status = outer.list(), outer.status
                etag = f'W/"{hash(body)}"'
                if status == 200 and self.headers.get("If-None-Match") == etag:
                    body, status = b"", 304
                self.send_response(status)
                self.send_header("ETag", etag)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/meta/public_keys/secret_scanning"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def list(self):
        if self.body is not None:
            return self.body
        listed = [{"key_identifier": one.id, "key": one.pem, "is_current": False} for one in self.signers]
        return json.dumps({"public_keys": listed}).encode()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
