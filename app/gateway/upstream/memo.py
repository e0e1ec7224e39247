"""An answer's head that was read before: the very same bytes say the very same thing, and need not be read again.

Only of answers that came whole, in one piece, with a stated length, on a connection that was kept; for that connection.
"""

_END = b"\r\n\r\n"


class Head:
    """data: its bytes. size: of it and its body. passed: what goes on to callers, once that is known. The rest as in
    Exchange.
    """

    __slots__ = ("data", "fields", "headers", "keep_alive_s", "passed", "size", "status")

    def __init__(
        self,
        data: bytes,
        size: int,
        *,
        status: int,
        headers: list[tuple[bytes, bytes]],
        fields: dict[bytes, bytes],
        keep_alive_s: float | None,
    ) -> None:
        self.data = data
        self.size = size
        self.status = status
        self.headers = headers
        self.fields = fields
        self.keep_alive_s = keep_alive_s
        self.passed: list[tuple[bytes, bytes]] | None = None


def of(
    data: bytes,
    status: int,
    headers: list[tuple[bytes, bytes]],
    fields: dict[bytes, bytes],
    keep_alive_s: float | None,
) -> Head | None:
    """What is worth remembering of an answer that was read from `data`."""
    length = fields.get(b"content-length")
    if length is None or status != 200:
        return None
    end = data.find(_END) + len(_END)
    if end + int(length) != len(data):
        return None
    return Head(data[:end], len(data), status=status, headers=headers, fields=fields, keep_alive_s=keep_alive_s)


def timeout_of(value: bytes) -> float | None:
    """The seconds in `Keep-Alive: timeout=5`."""
    for part in value.split(b","):
        name, _, number = part.strip().partition(b"=")
        if name.lower() == b"timeout" and number.isdigit() and len(number) < 6:
            return float(number)
    return None
