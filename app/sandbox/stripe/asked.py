"""What the API was asked, as lines of JSON in a file: for whoever wants to see what Postern says to Stripe."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

API = ("/v1/", "/v2/")
FILE = "stripe-requests.jsonl"


class Asked:
    """WSGI middleware. A line is {"method", "path", "query", "body", "status"}. The file begins anew each time."""

    def __init__(self, app: Callable[..., Iterable[bytes]], path: Path) -> None:
        self._app, self._path = app, path
        path.write_text("")

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(API):
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)

        def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:  # noqa: ANN401  (WSGI's)
            self._note(environ, body, int(status[:3]))
            return start_response(status, headers, *rest)

        return self._app(environ, noting)

    def _note(self, environ: dict[str, Any], body: bytes, status: int) -> None:
        line = {
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "query": environ.get("QUERY_STRING", ""),
            "body": body.decode("utf-8", "replace"),
            "status": status,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
