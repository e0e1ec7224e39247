"""An answer's head that was read before: the very same bytes say the very same thing, and need not be read again.

Only of answers that came whole, in one piece, with a stated length, on a connection that was kept; for that connection.
"""

_END = b"\r\n\r\n"


class Head:
    """data: its bytes. size: of it and its body. The rest as in Exchange."""

    __slots__ = ("data", "fields", "headers", "keep_alive_s", "size", "status")

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


def end_of_head(data: bytes, length: bytes) -> int:
    """Where the body of an answer begins, if `data` is all of that answer, with a body of `length` bytes; else 0."""
    end = data.find(_END) + len(_END)
    return end if end + int(length) == len(data) else 0


def timeout_of(value: bytes) -> float | None:
    """The seconds in `Keep-Alive: timeout=5`."""
    for part in value.split(b","):
        name, _, number = part.strip().partition(b"=")
        if name.lower() == b"timeout" and number.isdigit() and len(number) < 6:
            return float(number)
    return None
