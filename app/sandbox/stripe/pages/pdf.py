"""A PDF of plain lines: just enough of the format (PDF 1.4) for any reader to open."""

from collections.abc import Sequence

LINES_ON_A_PAGE = 48


def made(lines: Sequence[str]) -> bytes:
    """The lines in Helvetica on A4 pages; what Latin-1 lacks becomes a question mark."""
    pages = [lines[at : at + LINES_ON_A_PAGE] for at in range(0, max(len(lines), 1), LINES_ON_A_PAGE)]
    first = 4
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        content = first + 2 * number + 1
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        text = _content(page)
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(text), text))
    return _file(objects)


def _content(lines: Sequence[str]) -> bytes:
    shown = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in lines]
    body = "\n".join(f"({line}) Tj T*" for line in shown)
    return f"BT /F1 11 Tf 15 TL 60 780 Td\n{body}\nET".encode("latin-1", "replace")


def _file(objects: Sequence[bytes]) -> bytes:
    made_of, places = bytearray(b"%PDF-1.4\n"), []
    for number, each in enumerate(objects, start=1):
        places.append(len(made_of))
        made_of += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    start = len(made_of)
    made_of += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made_of += b"".join(b"%010d 00000 n \n" % place for place in places)
    made_of += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(made_of)
