"""The way to a stand-in without a wire: what is asked of its address is answered at once, by whoever asks.

Half the work of a request is to carry it, which is nothing that tests of what is done with answers are about.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.utils import to_native_string
from urllib3 import HTTPResponse
from werkzeug.test import run_wsgi_app


@contextmanager
def straight_to(app: Flask, base_url: str) -> Iterator[None]:
    """While in here, `requests` asks `app` for whatever is below `base_url`."""
    usual = requests.Session.get_adapter
    straight = _Straight(app)

    def chosen(session: requests.Session, url: str) -> BaseAdapter:
        return straight if url.startswith(f"{base_url}/") else usual(session, url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "get_adapter", chosen)
        yield


class _Straight(BaseAdapter):
    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._app = app
        self._wire = HTTPAdapter()

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        parts, status, headers = run_wsgi_app(self._app.wsgi_app, _environ(request), buffered=True)
        body = b"".join(parts)
        if status.startswith("502") and not body:  # how the stand-in hangs up where there is no connection
            raise requests.ConnectionError("The connection was closed without an answer.", request=request)
        answer = HTTPResponse(
            io.BytesIO(body), status=int(status[:3]), headers=list(headers), preload_content=False, decode_content=False
        )
        return self._wire.build_response(request, answer)

    def close(self) -> None:
        """Nothing is open."""


def _environ(request: requests.PreparedRequest) -> dict[str, object]:
    to = urlsplit(str(request.url))
    body = request.body or b""
    sent = io.BytesIO(body.encode() if isinstance(body, str) else body)
    headers = {name.upper().replace("-", "_"): to_native_string(value) for name, value in request.headers.items()}
    special = {name: headers.pop(name) for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in headers}
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": to.path,
        "QUERY_STRING": to.query,
        "SERVER_NAME": to.hostname,
        "SERVER_PORT": str(to.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": to.scheme,
        "wsgi.input": sent,
        "wsgi.multithread": True,
        "HTTP_HOST": to.netloc,
        **special,
        **{f"HTTP_{name}": value for name, value in headers.items()},
    }
