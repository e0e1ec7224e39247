"""Where a reader may be sent next: only ever to a page of ours."""

from urllib.parse import urlsplit


def own_path(text: str | None) -> str | None:
    """`text` if it is the path of a page here (with its query), else None.

    Refused: other hosts however they are spelled (`//host`, `/\\host`, `https:host`), and control characters, which
    browsers drop before they read an address (https://url.spec.whatwg.org/#url-parsing).
    """
    if not text or not text.startswith("/") or len(text) > 2000:
        return None
    if "\\" in text or any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if not parts.scheme and not parts.netloc and not text.startswith("//") else None
