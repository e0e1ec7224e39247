"""The gateway as it runs in production: a process of its own, called over sockets."""

import asyncio
import json
import os
import signal
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.gateway.gateways import CALL, PATIENT, RECEIPT
from tests.ports import free_port
from tests.preloaded import Preloaded
from tests.waiting import PATIENCE_S, eventually


@dataclass
class GatewayProcess:
    process: Preloaded
    port: int
    metrics_port: int
    log: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def read(self, path, *, port=None):
        with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=PATIENCE_S) as answer:
            return answer.read().decode()


@contextmanager
def gateway_process(database_url, folder, **settings):
    """A running gateway that is ready for calls."""
    with gateway_processes(database_url, folder, 1, **settings) as [gateway]:
        yield gateway


@contextmanager
def gateway_processes(database_url, folder, count, **settings):
    """So many of them, started at once."""
    gateways = []
    try:
        for _ in range(count):
            gateways.append(_launched(database_url, folder, settings))
        for gateway in gateways:
            process = gateway.process
            eventually(lambda: process.poll() is not None or '"ready"' in gateway.read("/readyz"))  # noqa: B023
            assert process.poll() is None, gateway.log.read_text()
        yield gateways
    finally:
        for gateway in gateways:
            with suppress(ProcessLookupError):
                gateway.process.kill()
            gateway.process.wait(PATIENCE_S)


def _launched(database_url, folder, settings):
    port, metrics_port = free_port(), free_port()
    log = folder / f"gateway-{port}.log"
    chosen = {
        "database_url": database_url,
        "gateway_port": port,
        "gateway_metrics_port": metrics_port,
        "gateway_url": f"http://127.0.0.1:{port}",
        "log_format": "json",
        "spool_dir": folder / "spool",
        **PATIENT,
        **settings,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    environment |= {f"POSTERN_{name.upper()}": str(value) for name, value in chosen.items()}
    return GatewayProcess(Preloaded("app.gateway", environment, log), port, metrics_port, log)


@dataclass
class Received:
    """An answer that arrived whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def passed(self):
        """The body as the integration sent it: without the receipt that the gateway put into it."""
        return RECEIPT.sub(b"", self.body)

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    """A kept-alive connection of a caller."""

    def __init__(self, port, secret):
        self._port = port
        self._secret = secret
        self._streams = None

    async def call(self, message=CALL, *, path="/mcp/sampler", headers=()) -> Received:
        """headers: more of them. Raises ConnectionError or IncompleteReadError if the answer does not arrive whole."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(head.encode() + body)
        return await read_answer(reader)

    async def close(self):
        if self._streams is not None:
            (_, writer), self._streams = self._streams, None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def read_answer(reader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip()
    line, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(int(line.split(" ")[1]), headers, body)


async def call(gateway, secret, message=CALL) -> Received:
    """One call on a connection of its own."""
    connection = Connection(gateway.port, secret)
    try:
        return await connection.call(message)
    finally:
        await connection.close()


@dataclass
class Load:
    """Callers who call one after the other until told to stop, or until their connection breaks.

    answered: the receipt of every answer that arrived whole.
    """

    port: int
    secret: str
    callers: int = 64
    calls: int = 1_000
    answered: list[str] = field(default_factory=list)
    refused: int = 0
    broken: int = 0

    async def run(self):
        left = iter(range(self.calls))
        await asyncio.gather(*[self._caller(left) for _ in range(self.callers)])

    async def _caller(self, left):
        connection = Connection(self.port, self.secret)
        try:
            for _ in left:
                answer = await connection.call()
                if answer.status == 200 and "result" in answer.json:
                    self.answered.append(answer.headers["postern-receipt"].partition(".")[0])
                else:
                    self.refused += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            self.broken += 1
        finally:
            await connection.close()
