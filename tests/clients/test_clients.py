"""Clients as people have them work through the gateway unchanged, and show what it refuses and why."""

import pytest

from tests.clients.checks import complaints
from tests.clients.clients import CLIENTS, Called, Seen
from tests.clients.situations import ALL_WELL, FAILS, PROGRESS, REFUSALS, TEXT, UNKNOWN, setting
from tests.conformance.node import NotInstallable


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with setting(tmp_path_factory.mktemp("clients")) as made:
        yield made


@pytest.mark.parametrize("client", [client for client in CLIENTS if not client.is_extra], ids=str)
def test_a_client_works_through_the_gateway(made, client):
    try:
        seen = client.visit(made.visits)
    except NotInstallable as problem:
        pytest.skip(f"{client.name} cannot be installed here, so nothing is known. {problem}")

    assert list(complaints(client, seen)) == []


def test_lost_words_are_complained_about():
    client = CLIENTS[0]
    calls = {
        TEXT: Called(True, "This is a simple text response.", 0),
        PROGRESS: Called(True, "Three steps.", 2),
        FAILS: Called(False, "This tool intentionally returns an error.", 0),
        UNKNOWN: Called(False, "Unknown tool: no_such_tool", 0),
    }
    seen = {refusal.name: Seen(refused=f"Error: {refusal.words}!") for refusal in REFUSALS}
    seen |= {ALL_WELL: Seen(client.speaks, 28, calls), "key revoked": Seen(refused="HTTP error 401")}

    progress, revoked = complaints(client, seen)

    assert progress.startswith("progress: ")
    assert revoked == "key revoked: shows “HTTP error 401”, without “The key was revoked”"
