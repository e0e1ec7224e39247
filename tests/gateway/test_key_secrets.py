"""T18: a key is nowhere but in its caller's hands. Calls of every kind are made with real keys, then everything that
was written is searched: logs, metrics, the whole database, every file.
"""

import asyncio
import json

from sqlmodel import select

from app import schema
from app.keys import services
from tests.gateway.gateways import CALL, LIST
from tests.gateway.keyed import a_key
from tests.gateway.processes import gateway_process, read_answer
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream
from tests.waiting import PATIENCE_S


async def send(gateway, method, path, headers, body=b""):
    """The answer's body, for a request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    try:
        return (await asyncio.wait_for(read_answer(reader), PATIENCE_S)).body
    finally:
        writer.close()


def ways_to_call(secret):
    """(method, path, headers, message) of calls that pass and of all sorts that do not."""
    json_ = ("Content-Type", "application/json")
    key = ("Authorization", f"Bearer {secret}")
    yield "POST", "/mcp/sampler", [key, json_], CALL
    yield "POST", "/k/sampler/mcp", [("X-API-Key", secret), json_], CALL
    yield "POST", "/k/sampler/mcp", [key, json_], LIST
    yield "POST", "/k/sampler/mcp", [key, json_], {**LIST, "method": "tools/list"}
    yield "GET", "/k/sampler/mcp", [key], None
    yield "DELETE", "/k/sampler/mcp", [key], None
    for name, value in [
        ("Authorization", secret),
        ("Authorization", f"Basic {secret}"),
        ("Authorization", f"Bearer {secret[:-3]}"),
        ("Authorization", f"Bearer {secret[:-1]}!"),
        ("Authorization", f"Bearer Bearer {secret}"),
        ("Authorization", f'Bearer "{secret}"'),
    ]:
        yield "POST", "/k/sampler/mcp", [(name, value), json_], CALL
    yield "POST", f"/k/sampler/mcp?api_key={secret}", [json_], CALL
    yield "POST", f"/k/{secret}/mcp", [key, json_], CALL
    yield "POST", f"/mcp/{secret}", [key, json_], CALL
    yield "GET", f"/{secret}", [], None
    yield "POST", "/k/nowhere/mcp", [key, json_], CALL
    yield "POST", "/k/sampler/mcp", [key, json_], {**CALL, "params": {"name": secret}}
    yield "POST", "/k/sampler/mcp", [key, json_], {**CALL, "method": f"x/{secret}"}
    yield "POST", "/k/sampler/mcp", [key, json_, ("Mcp-Session-Id", secret)], LIST
    yield "POST", "/k/sampler/mcp", [key, json_, ("Mcp-Name", secret), ("Mcp-Method", secret)], CALL
    yield "POST", "/k/sampler/mcp", [key, json_, ("MCP-Protocol-Version", secret)], CALL
    yield "POST", "/k/sampler/mcp", [key, json_, ("Origin", f"https://{secret}")], CALL
    yield "POST", "/k/sampler/mcp", [key, ("Content-Type", secret)], CALL


def everything_written(engine, folder):
    """Name to text of every file under `folder` and every row of the database."""
    found = {str(path): path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}
    with engine.connect() as connection:
        for table in schema.metadata().sorted_tables:
            found[f"table {table.name}"] = repr(connection.execute(select(table)).all())
    return found


async def test_t18_no_key_is_in_any_log_metric_table_or_file(database_url, engine, session, make, now, tmp_path):
    async with Upstream(OK) as upstream:
        make.integration("sampler", upstream_url=upstream.url, tools=("greet", "slow"))
        made = {
            "open": a_key(session, make),
            "narrow": a_key(session, make, scopes=["sampler/slow"], networks=["10.0.0.0/8"]),
            "off": a_key(session, make, is_enabled=False),
            "gone": a_key(session, make),
        }
        services.revoke(session, key=made["gone"][0], person_id=None, now=now)
        session.commit()
        answers = []
        with gateway_process(database_url, tmp_path, log_level="DEBUG", data_dir=tmp_path / "data") as gateway:
            for name, (_, secret) in made.items():
                for method, path, headers, message in ways_to_call(secret):
                    body = b"" if message is None else json.dumps(message).encode()
                    answers.append(await send(gateway, method, path, headers, body))
                    assert secret[9:].encode() not in answers[-1], (name, method, path, headers)
            metrics = await asyncio.to_thread(gateway.read, "/metrics", port=gateway.metrics_port)
            gateway.terminate()
            await asyncio.to_thread(gateway.process.wait, PATIENCE_S)

        written = {**everything_written(engine, tmp_path), "metrics": metrics}
        assert len(answers) == 4 * len(list(ways_to_call("x")))
        assert any("result" in json.loads(answer) for answer in answers if answer)
        assert written["table usage_event"] != "[]"
        assert written["table attempt"] != "[]"
        assert "request.refused" in written[str(gateway.log)]
        assert all(key.prefix in written["table api_key"] for key, _ in made.values())  # so secrets would be found
        for _, secret in made.values():
            random = secret.rpartition("_")[2]
            assert [where for where, text in written.items() if random in text] == []
            # Nor most of one: what was cut short on its way is still a secret. Its first eight characters are its name.
            assert [where for where, text in written.items() if random[8:28] in text] == []
