"""Pages leave compressed, except where their size could be used to guess what is in them.

BREACH (CVE-2013-3587) reads a secret such as the CSRF token out of many compressed answers whose request another site
made up. A browser says when another site is behind a request (Sec-Fetch-Site), and then nothing is compressed; nor when
it says nothing and sends a cookie. API keys are safe either way: each stands in one answer, once.
"""

from flask import Flask, Response, request
from flask_compress import Compress

SAME = frozenset({"same-origin", "none"})


def install(app: Flask) -> None:
    """Compress text that we wrote; static files come compressed already (web.assets)."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=4,
        COMPRESS_LEVEL=6,
        COMPRESS_MIMETYPES=["text/html", "text/csv", "text/plain"],
        COMPRESS_MIN_SIZE=800,
        COMPRESS_STREAMS=False,
    )
    compress = Compress(app)

    @app.after_request
    def pack(response: Response) -> Response:
        return compress.after_request(response) if _is_safe() else response


def _is_safe() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    return site in SAME if site is not None else not request.cookies
