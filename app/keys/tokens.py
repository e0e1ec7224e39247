"""What an API key looks like: `<brand>_<live|test>_<30 base62><6 checksum>`.

The checksum is CRC32 over the 30 random characters, in base 62 (0-9A-Za-z), padded to six: GitHub's form, so that a
key cut short or mistyped is recognised without asking any database
(https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/).
"""

import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal

Environment = Literal["live", "test"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 30
_CHECKSUM_LENGTH = 6
HINT_LENGTH = 8
_SHAPE = re.compile(rf"[a-z][a-z0-9]{{1,9}}_(?:live|test)_[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")
_START = re.compile(rf"[a-z][a-z0-9]{{1,9}}_(?:live|test)_[0-9A-Za-z]{{{HINT_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Token:
    """A new key's secret and what may be kept of it in the clear."""

    secret: str
    prefix: str
    last_four: str


def generate(brand: str, environment: Environment) -> Token:
    """A new key with 178 random bits."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    secret = f"{brand}_{environment}_{random}{checksum(random)}"
    return Token(
        secret=secret, prefix=secret[: -(_RANDOM_LENGTH + _CHECKSUM_LENGTH - HINT_LENGTH)], last_four=secret[-4:]
    )


def is_complete(text: str) -> bool:
    """Whether `text` has a key's shape and its checksum agrees: false for keys cut short or mistyped."""
    if _SHAPE.fullmatch(text) is None:
        return False
    random = text[-(_RANDOM_LENGTH + _CHECKSUM_LENGTH) : -_CHECKSUM_LENGTH]
    return checksum(random) == text[-_CHECKSUM_LENGTH:]


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
