"""The files a page loads: one style sheet, one script, htmx and pictures, each under a path that names its content.

There is no build. The parts are put together in memory when the process starts, compressed once, and served for a year
under `/static/<digest>/<name>`; a changed file gets another digest, so nobody ever runs last week's script. Names are
looked up in a table made at start, never joined to a path, so a request cannot reach any other file.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, request, url_for
from flask.typing import ResponseReturnValue

from app.web.guards import public

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("tokens.css", "reset.css", "base.css", "layout/*.css", "components/*.css", "utilities.css")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
}
A_YEAR = "public, max-age=31536000, immutable"

_COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)


class MissingPackageError(RuntimeError):
    """A front-end package is declared but not installed; the message says which file and what to run."""


@dataclass(frozen=True)
class Source:
    """What one served name is made of: files in order, and how their texts become one."""

    files: tuple[Path, ...]
    join: Callable[[Sequence[bytes]], bytes]

    def stamp(self) -> tuple[int, ...]:
        """Modification times in nanoseconds, in the order of the files: differs when something was edited."""
        return tuple(file.stat().st_mtime_ns for file in self.files)


@dataclass(frozen=True)
class Asset:
    """Bytes ready to serve. `packed` is the gzip form, or None where packing saves nothing (PNG)."""

    name: str
    body: bytes
    packed: bytes | None
    digest: str
    content_type: str


class Assets:
    """Every served file by name. With `reload`, a file edited on disk is read again at its next use."""

    def __init__(self, root: Path = ROOT, *, reload: bool = False) -> None:
        self._root = root
        self._reload = reload
        self._sources = _sources(root)
        self._stamps = {name: source.stamp() for name, source in self._sources.items()}
        self._built = {name: _build(name, source) for name, source in self._sources.items()}

    def get(self, name: str) -> Asset | None:
        """The asset called `name` as it is now, or None if there is no such name."""
        if self._reload:
            self._refresh(name)
        return self._built.get(name)

    def url(self, name: str) -> str:
        """Where `name` is served. Raises KeyError for a name that does not exist: a template has a typing error."""
        asset = self.get(name)
        if asset is None:
            raise KeyError(f"No asset is called “{name}”. There are: {', '.join(sorted(self._built))}.")
        return url_for("assets.show", digest=asset.digest, name=name)

    def _refresh(self, name: str) -> None:
        sources = _sources(self._root)
        source = sources.get(name)
        if source is None:
            self._built.pop(name, None)
            return
        stamp = source.stamp()
        if source != self._sources.get(name) or stamp != self._stamps.get(name):
            self._built[name] = _build(name, source)
            self._stamps[name] = stamp
        self._sources = sources


def install(app: Flask, *, reload: bool = False, root: Path = ROOT) -> Assets:
    """Serve the assets and give templates `asset(name)`.

    Raises MissingPackageError when `make setup` has not been run.
    """
    assets = Assets(root, reload=reload)
    app.extensions["assets"] = assets
    app.register_blueprint(_blueprint(assets))
    app.add_template_global(assets.url, "asset")
    return assets


def _blueprint(assets: Assets) -> Blueprint:
    bp = Blueprint("assets", __name__)

    @bp.get("/static/<digest>/<path:name>")
    @public
    def show(digest: str, name: str) -> ResponseReturnValue:
        asset = assets.get(name)
        if asset is None:
            abort(404)
        return _answer(asset, A_YEAR if digest == asset.digest else "no-cache")

    @bp.get("/favicon.ico")
    @public
    def favicon() -> ResponseReturnValue:
        asset = assets.get("img/favicon.svg")
        if asset is None:
            abort(404)
        return _answer(asset, "public, max-age=86400")

    return bp


def _answer(asset: Asset, caching: str) -> Response:
    is_packed = asset.packed is not None and request.accept_encodings["gzip"] > 0
    response = Response(asset.packed if is_packed else asset.body, content_type=asset.content_type)
    if is_packed:
        response.content_encoding = "gzip"
    response.set_etag(f"{asset.digest}-gz" if is_packed else asset.digest)
    response.headers["Cache-Control"] = caching
    response.headers["X-Content-Type-Options"] = "nosniff"
    if asset.packed is not None:
        response.vary.add("Accept-Encoding")
    response.make_conditional(request)
    return response


def _sources(root: Path) -> Mapping[str, Source]:
    static = root / "static"
    style = [file for part in LAYERS for file in sorted((static / "css").glob(part))]
    sources = {
        "app.css": Source(tuple(style), _join_styles),
        "app.js": Source(tuple(sorted((static / "js").glob("*.js"))), _join_modules),
        "htmx.js": Source((_installed(root, "htmx.org/dist/htmx.min.js"),), b"".join),
    }
    for file in sorted((static / "img").glob("*")):
        if file.suffix in TYPES:
            sources[f"img/{file.name}"] = Source((file,), b"".join)
    return sources


def _installed(root: Path, path: str) -> Path:
    file = root / "node_modules" / path
    if not file.is_file():
        raise MissingPackageError(f"{file} is missing: the front-end packages are not installed. Run `make setup`.")
    return file


def _join_styles(parts: Sequence[bytes]) -> bytes:
    """Comments are for whoever edits the files, not for the wire."""
    return _COMMENT.sub("", b"\n".join(parts).decode()).encode()


def _join_modules(parts: Sequence[bytes]) -> bytes:
    """Each file becomes a block of one module, so that two files may use the same name for a constant."""
    return b"".join(b"{\n" + part.strip() + b"\n}\n" for part in parts)


def _build(name: str, source: Source) -> Asset:
    body = source.join([file.read_bytes() for file in source.files])
    packed = gzip.compress(body, 9, mtime=0)
    return Asset(
        name=name,
        body=body,
        packed=packed if len(packed) < len(body) else None,
        digest=hashlib.sha256(body).hexdigest()[:12],
        content_type=TYPES[Path(name).suffix],
    )
