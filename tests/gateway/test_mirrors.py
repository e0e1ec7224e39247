import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from app.gateway import mirrors
from app.gateway.envelope import Envelope
from app.gateway.errors import Refused

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12) | st.just("=?base64?YQ==?=")


def passes(header: bytes, name: str) -> bool:
    called = Envelope(b"", 1, "tools/call", name, "", is_metered=True, wants_answer=True)
    try:
        mirrors.check({b"mcp-name": header, b"mcp-method": b"tools/call"}, called)
    except Refused:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(name=TEXT, other=TEXT)
def test_a_header_passes_exactly_when_it_decodes_to_the_name(name, other):
    for said in (name, other):
        plain = said.encode()
        for header in (plain, b"=?base64?" + base64.b64encode(plain) + b"?="):
            assert passes(header, name) == (mirrors.decoded(header) == name)
