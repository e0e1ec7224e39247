"""Names of tools where all integrations are served at once: `{slug}_{tool}`, at most 64 characters, the same for ever.

A slug has no underscore, so the first one parts the two. Clients and models take letters, digits, `_` and `-` up to 64
(OpenAI's and Anthropic's rule for functions): a name that needs more is cut and gets a piece of a digest of its own, so
that it depends on nothing else that is installed.
"""

import hashlib
import re

LONGEST = 64
_DIGEST_LENGTH = 10
_OTHER = re.compile(r"[^A-Za-z0-9_-]")


def of(slug: str, tool: str) -> str:
    """The name of an integration's tool among all others."""
    name = f"{slug}_{tool}"
    plain = _OTHER.sub("-", name)
    if plain == name and len(name) <= LONGEST and not _ends_like_ours(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{plain[: LONGEST - _DIGEST_LENGTH - 2]}_x{digest}"


def slug_of(name: str) -> str:
    """The integration that a name is of, if it is of any."""
    return name.partition("_")[0]


def _ends_like_ours(name: str) -> bool:
    """Whether a short name could be taken for a cut one: it is then treated as one, so that no two ever meet."""
    return re.search(rf"_x[0-9a-f]{{{_DIGEST_LENGTH}}}$", name) is not None
