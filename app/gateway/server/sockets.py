"""Sockets that listen."""

import socket

from app.core.errors import Invalid

BACKLOG = 2048

Listeners = list[socket.socket]


def listen(host: str, port: int, *, workers: int = 1) -> Listeners:
    """A listening socket for each worker.

    Several on one port get a share of the connections each, where the system knows how (Linux); elsewhere all workers
    accept from the same one. They are opened once and survive the workers, so that nobody who waits is dropped.
    Raises Invalid, with what to do, when the port cannot be had.
    """
    try:
        first = _open(host, port, is_shared=False)
        if workers == 1 or not hasattr(socket, "SO_REUSEPORT"):
            return [first] * workers
        port = first.getsockname()[1]
        first.close()  # that nobody else has the port is known now; sharing could not tell
        return [_open(host, port, is_shared=True) for _ in range(workers)]
    except OSError as problem:
        raise Invalid(
            f"The gateway cannot listen on {host}:{port}: {problem.strerror}. Set POSTERN_GATEWAY_PORT to a free one."
        ) from None


def _open(host: str, port: int, *, is_shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=is_shared)
