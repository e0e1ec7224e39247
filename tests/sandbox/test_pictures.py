"""The chart is a valid PNG whose bars are as high as their values."""

import struct
import zlib

from app.sandbox import pictures


def test_bars_are_as_high_as_their_values():
    rows = _pixels(pictures.bar_chart([1, 2, 0, -3]))

    columns = [_ink(rows, pictures.MARGIN + (pictures.WIDTH - 2 * pictures.MARGIN) * index // 4) for index in range(4)]
    assert columns[1] == pictures.HEIGHT - 2 * pictures.MARGIN
    assert columns[0] == columns[1] // 2
    assert columns[2:] == [0, 0]


def test_chart_of_nothing_but_zeros_is_empty():
    rows = _pixels(pictures.bar_chart([0, 0]))

    assert not any(pictures.INK in row for row in rows)


def test_sixty_bars_fit():
    rows = _pixels(pictures.bar_chart([1] * 60))

    assert all(len(row) == pictures.WIDTH for row in rows)
    assert rows[pictures.HEIGHT // 2].count(pictures.INK) >= 60


def _ink(rows, column):
    return sum(row[column] == pictures.INK for row in rows)


def _pixels(png):
    """The rows of palette indices, with every checksum verified."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        at += 12 + length
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (pictures.WIDTH, pictures.HEIGHT)
    assert list(chunks)[-1] == b"IEND"
    flat = zlib.decompress(chunks[b"IDAT"])
    stride = pictures.WIDTH + 1
    assert len(flat) == stride * pictures.HEIGHT
    assert set(flat[::stride]) == {0}
    return [flat[start + 1 : start + stride] for start in range(0, len(flat), stride)]
