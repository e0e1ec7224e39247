"""Pictures as PNG files with nothing but the standard library."""

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

WIDTH, HEIGHT, MARGIN, GAP = 480, 240, 16, 6  # pixels
PAPER, INK, GROUND = range(3)
PALETTE = bytes.fromhex("fbfaf71f6f5c8b9490")


def bar_chart(values: Sequence[float]) -> bytes:
    """A PNG with one bar per value, left to right; the largest fills the height, zero and less draw none."""
    top = max(*values, 0.0) or 1.0
    floor = HEIGHT - MARGIN
    edges = [MARGIN + (WIDTH - 2 * MARGIN) * index // len(values) for index in range(len(values) + 1)]
    bars = [
        (left, right - GAP, floor - round((floor - MARGIN) * max(value, 0.0) / top))
        for (left, right), value in zip(pairwise(edges), values, strict=True)
    ]
    return _png([_row(y, bars, floor) for y in range(HEIGHT)])


def _row(y: int, bars: Sequence[tuple[int, int, int]], floor: int) -> bytes:
    if y in (floor, floor + 1):
        return bytes([GROUND]) * WIDTH
    row = bytearray([PAPER]) * WIDTH
    for left, right, top in bars:
        if top <= y < floor:
            row[left:right] = bytes([INK]) * (right - left)
    return bytes(row)


def _png(rows: Sequence[bytes]) -> bytes:
    """rows: palette indices, one byte per pixel. Source: PNG specification, third edition, §5 and §11."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)  # 8 bits, indexed colour
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))  # filter type 0 in front of each row
    parts = ((b"IHDR", header), (b"PLTE", PALETTE), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
