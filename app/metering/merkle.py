"""Merkle trees over a group of receipts, so that one signature serves all of them (RFC 6962 §2.1, with SHA-256).

A leaf and an inner node are hashed with different first bytes, so that neither can be passed off as the other. A
level's last node without a partner goes up as it is, which gives RFC 6962's tree.
"""

from collections.abc import Sequence
from hashlib import sha256

LEFT, RIGHT = b"\x00", b"\x01"
STEP = 33
"""Bytes of one step of a path: on which side the neighbour stands, and its hash."""


def leaf(data: bytes) -> bytes:
    """The hash of a leaf, 32 bytes."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def tree(leaves: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The root over at least one leaf's hash, and each leaf's path to it: steps of STEP bytes, from the leaf up."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    paths = [b""]
    for level in reversed(levels[:-1]):
        paths = [_step(level, at) + paths[at >> 1] for at in range(len(level))]
    return levels[-1][0], paths


def _above(level: Sequence[bytes]) -> list[bytes]:
    above = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _step(level: Sequence[bytes], at: int) -> bytes:
    """From a node to the one above it; empty where that is the same."""
    if at % 2:
        return LEFT + level[at - 1]
    return RIGHT + level[at + 1] if at + 1 < len(level) else b""


def root_of(digest: bytes, path: bytes) -> bytes:
    """The root that a leaf's hash and its path lead to. Raises ValueError for what is no path."""
    if len(path) % STEP:
        raise ValueError("a path is made of steps of 33 bytes")
    for at in range(0, len(path), STEP):
        side, other = path[at : at + 1], path[at + 1 : at + STEP]
        if side == LEFT:
            digest = node(other, digest)
        elif side == RIGHT:
            digest = node(digest, other)
        else:
            raise ValueError("a step of a path begins with 0 or 1")
    return digest
