"""wrk makes the load; this reads what it saw."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import machine
from bench.problems import Unmeasurable

SCRIPT = Path(__file__).with_name("load.lua")
MARK = "MEASURED "
NOT_2XX = "not 2xx"
WRONG = "wrong"
ID = "@ID@"
"""Stands in a body where the number of the call goes."""

GRACE_S = 30.0
TIMEOUT_S = 10
"""wrk counts an answer that takes longer as an error."""


@dataclass(frozen=True, slots=True)
class Request:
    """What each caller sends again and again.

    body: of a POST, with ID where the number of the call stands; None for GET.
    """

    url: str
    headers: Mapping[str, str]
    body: str | None = None

    def wire(self, number: int) -> bytes:
        """The call with that number, as it is sent over a connection that is kept."""
        parts = urlsplit(self.url)
        body = (self.body or "").replace(ID, str(number))
        lines = {"Host": parts.netloc, **self.headers}
        if self.body is not None:
            lines["Content-Length"] = str(len(body.encode()))
        method = "GET" if self.body is None else "POST"
        head = f"{method} {parts.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        return f"{head}\r\n{body}".encode()


@dataclass(frozen=True, slots=True)
class Load:
    """answers: complete ones, of any status. errors: counts by kind, zeros included. bytes: read, heads included."""

    answers: int
    seconds: float
    bytes: int
    p50_ms: float
    p99_ms: float
    errors: Mapping[str, int]

    @property
    def failures(self) -> dict[str, int]:
        """The errors that there were."""
        return {kind: count for kind, count in self.errors.items() if count}


def run(wrk: str, request: Request, *, callers: int, seconds: int, first_id: int, core: int | None) -> Load:
    """`callers` connections that each ask again as soon as they are answered.

    first_id: of 13 digits; calls are numbered from here.
    Raises Unmeasurable when wrk fails.
    """
    command = [wrk, "-t1", f"-c{callers}", f"-d{seconds}s", f"--timeout={TIMEOUT_S}s", "-s", str(SCRIPT)]
    for name, value in request.headers.items():
        command += ["-H", f"{name}: {value}"]
    command += [request.url, "--"]
    if request.body is not None:
        command += [request.body, str(first_id)]
    with machine.on(core):
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + GRACE_S)
        except subprocess.TimeoutExpired:
            raise Unmeasurable(f"wrk did not end in {seconds + GRACE_S:g} s.") from None
    if done.returncode:
        raise Unmeasurable(f"wrk ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return read(done.stdout)


def read(output: str) -> Load:
    """The line that load.lua wrote. Raises Unmeasurable if there is none."""
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise Unmeasurable(f"wrk did not say what it measured:\n{output}")
    return Load(**json.loads(line.removeprefix(MARK)))
