"""What a first visit costs: the page and everything it refers to, as it comes over the wire."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from bench import fetch
from bench.problems import Unmeasurable

FETCHED_LINKS = {"stylesheet", "icon", "modulepreload", "preload", "manifest", "apple-touch-icon"}
_CSS_URL = re.compile(rb"""url\(\s*["']?([^"')]+)""")


@dataclass(frozen=True, slots=True)
class Visit:
    """Sizes in bytes. html_packed: the body when gzip is accepted. wire: all answers of a first visit, heads included.

    requests: the page and what it refers to, each once.
    """

    html: int
    html_packed: int
    wire: int
    requests: int


def first(url: str, headers: Mapping[str, str]) -> Visit:
    """Visit `url` with nothing in the cache; of packings only gzip is accepted.

    Raises Unmeasurable when the page, or something it refers to, is not answered with 200, or lies on another host.
    """
    packing = {**headers, "Accept-Encoding": "gzip"}
    plain, packed = _get(url, headers), _get(url, packing)
    wire, seen = packed.wire_bytes, {url}
    waiting = [urljoin(url, link) for link in references(plain.body.decode())]
    while waiting:
        link = urldefrag(waiting.pop()).url
        if link in seen or link.startswith("data:"):
            continue
        if urlsplit(link).netloc != urlsplit(url).netloc:
            raise Unmeasurable(f"{url} refers to another host: {link}")
        seen.add(link)
        wire += _get(link, packing).wire_bytes
        if link.endswith(".css"):
            waiting += [urljoin(link, found.decode()) for found in _CSS_URL.findall(_get(link, headers).body)]
    return Visit(html=len(plain.body), html_packed=len(packed.body), wire=wire, requests=len(seen))


def references(html: str) -> list[str]:
    """What a browser fetches by itself to show the page, in order, as it is written there."""
    parser = _References()
    parser.feed(html)
    return parser.found


def _get(url: str, headers: Mapping[str, str]) -> fetch.Answer:
    answer = fetch.send(url, headers)
    if answer.status != 200:
        raise Unmeasurable(f"{url} is answered with {answer.status}: {answer.body[:300]!r}")
    return answer


class _References(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and FETCHED_LINKS & set(values.get("rel", "").split()):
            self.found.append(values.get("href", ""))
        elif tag in {"script", "img", "source", "iframe", "audio", "video"} and values.get("src"):
            self.found.append(values["src"])
        elif tag == "use" and not values.get("href", "#").startswith("#"):
            self.found.append(values["href"])
