"""Calls to identity providers that organisations named themselves go the one guarded way out (docs/adr/0008)."""

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from app.core.errors import PosternError
from app.core.net import Guard

TIMEOUT_S = 10.0
MAX_BYTES = 256 * 1024
"""Of a discovery document, a set of keys or a token: what providers send is a tenth of it."""
_PASSED_ON = ("Accept", "Authorization", "Content-Type")


class Guarded(BaseAdapter):
    """Sends what a session of requests prepared: one look-up, checked, and one limit of time and of size for all."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    def send(  # noqa: PLR0917  (requests' own)
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: Any = None,  # noqa: ANN401  (requests' own)
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        body = request.body or b""
        try:
            answer = self._guard.fetch(
                request.url or "",
                method=request.method or "GET",
                headers={name: str(request.headers[name]) for name in _PASSED_ON if name in request.headers},
                body=body.encode() if isinstance(body, str) else bytes(body),
                timeout_s=TIMEOUT_S,
                max_bytes=MAX_BYTES,
            )
        except PosternError as problem:
            raise requests.ConnectionError(problem.message, request=request) from problem
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, request.url or "", request
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = "utf-8"
        response._content = answer.body
        return response

    def close(self) -> None:
        """Each call has a connection of its own, closed when it is over."""
