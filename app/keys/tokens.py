"""What an API key looks like: `<brand>_<live|test>_<30 base62><6 checksum>`.

The checksum is CRC32 over the 30 random characters, in base 62 (0-9A-Za-z), padded to six: GitHub's form, so that a
key cut short or mistyped is recognised without asking any database
(https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/).

An admin key has `admin` in the middle. It opens the API (app/api) and never the gateway, which therefore knows it by
sight. `generate`, `is_for_admin` and `is_complete_admin` are about those, and what looks for keys in texts finds both.
"""

import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal

Environment = Literal["live", "test"]
ADMIN: Literal["admin"] = "admin"
Kind = Environment | Literal["admin"]
KINDS: tuple[Kind, ...] = ("live", "test", ADMIN)

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 30
_CHECKSUM_LENGTH = 6
HINT_LENGTH = 8
_SHAPE = re.compile(rf"[a-z][a-z0-9]{{1,9}}_(?:live|test)_[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")
_OF_ADMINS = re.compile(rf"[a-z][a-z0-9]{{1,9}}_admin_[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")
_LIKE_AN_ADMINS = re.compile(r"[a-z][a-z0-9]{1,9}_admin_")
_SOMEWHERE = re.compile(rf"(?a:\b)(?:{_SHAPE.pattern}|{_OF_ADMINS.pattern})(?a:\b)")
_BEGUN = re.compile(r"(?a:\b)[a-z][a-z0-9]{1,9}_(?:live|test|admin)_[0-9A-Za-z]+")
_START = re.compile(rf"[a-z][a-z0-9]{{1,9}}_(?:live|test)_[0-9A-Za-z]{{{HINT_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Token:
    """A new key's secret and what may be kept of it in the clear."""

    secret: str
    prefix: str
    last_four: str


def generate(brand: str, kind: Kind) -> Token:
    """A new key with 178 random bits. kind: the environment of a key for the gateway, or ADMIN."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    secret = f"{brand}_{kind}_{random}{checksum(random)}"
    return Token(
        secret=secret, prefix=secret[: -(_RANDOM_LENGTH + _CHECKSUM_LENGTH - HINT_LENGTH)], last_four=secret[-4:]
    )


def is_complete(text: str) -> bool:
    """Whether `text` has a key's shape and its checksum agrees: false for keys cut short or mistyped."""
    return _SHAPE.fullmatch(text) is not None and _agrees(text)


def is_for_admin(text: str) -> bool:
    """Whether `text` begins as admin keys do, complete or not."""
    return _LIKE_AN_ADMINS.match(text) is not None


def is_complete_admin(text: str) -> bool:
    """What is_complete says of keys for the gateway, of admin keys."""
    return _OF_ADMINS.fullmatch(text) is not None and _agrees(text)


def is_complete_any(text: str) -> bool:
    """The same of either."""
    return is_complete(text) or is_complete_admin(text)


def found_in(text: str) -> list[str]:
    """The complete keys of either kind that stand in `text`, in order, whatever is around; a longer word holds none."""
    return [found for found in _SOMEWHERE.findall(text) if is_complete_any(found)]


def looks_begun(text: str) -> bool:
    """Whether something in `text` begins as keys do."""
    return _BEGUN.search(text) is not None


def pattern(brand: str, kind: Kind | None = None) -> str:
    r"""A regular expression that finds the keys of a brand in any text, for scanners: plain enough for RE2, Hyperscan
    and PCRE. kind: None for all. \b keeps it from finding parts of longer words.
    """
    wanted = kind or f"(?:{'|'.join(KINDS)})"
    return rf"\b{brand}_{wanted}_[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}\b"


def prefix_of(text: str) -> str:
    """The prefix by which an owner may recognise a key that is otherwise broken; "" when there is none."""
    start = _START.match(text)
    return start.group() if start else ""


def checksum(random: str) -> str:
    """Six base62 characters for the random part of a key."""
    number = zlib.crc32(random.encode())
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _agrees(text: str) -> bool:
    random = text[-(_RANDOM_LENGTH + _CHECKSUM_LENGTH) : -_CHECKSUM_LENGTH]
    return checksum(random) == text[-_CHECKSUM_LENGTH:]
