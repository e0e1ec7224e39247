"""What members do on pages, programs do by the API, with the same permission; or it is said why not."""

from pathlib import Path

from app.api.endpoints import ENDPOINTS
from tests.rules.test_routes import portal, published

__all__ = ["portal"]

TABLE = Path(__file__).with_name("api_by_page.txt")
NOT_YET = "not yet"


def table():
    """{"GET /keys/": "GET /keys", …}"""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(" | ") for line in lines)


def pages():
    """{"GET /keys/": "keys:read", …}: what members have, with the permission that it takes."""
    kinds = {address: guard.removesuffix(" lately").partition(" ") for address, guard in published().items()}
    return {address: permission for address, (kind, _, permission) in kinds.items() if kind == "member"}


def test_each_page_has_its_operation_or_a_reason():
    assert pages().keys() - table().keys() == set(), f"name its operation, or why there is none, in {TABLE.name}"
    assert table().keys() - pages().keys() == set(), f"no such page: take it out of {TABLE.name}"


def test_operations_take_the_permission_of_their_pages(portal):
    known = {f"{one.method} {one.path}": one.permission for one in ENDPOINTS}
    wrong = []
    for page, said in table().items():
        for operation in said.split(", ") if not said.startswith(("–", NOT_YET)) else ():
            if known.get(operation) != pages()[page]:
                wrong.append((page, pages()[page], operation, known.get(operation)))

    assert wrong == []
