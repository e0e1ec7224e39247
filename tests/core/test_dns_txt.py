"""TXT records are read as their name server has them; one that does not answer is not one that has none."""

import pytest

from app.core import dns_txt
from app.core.errors import Invalid, Unavailable
from tests.core.name_server import NameServer

NAME = "_postern.acme.example"


@pytest.fixture(scope="module")
def started():
    with NameServer() as server:
        yield server


@pytest.fixture
def server(started):
    started.records, started.failing, started.asked = {}, {}, []
    return started


def texts(server, name=NAME, **options):
    return dns_txt.texts(name, servers=[server.place], **options)


def test_each_record_is_joined_from_its_strings(server):
    server.records[NAME] = [["v=spf1 -all"], ["postern-domain=", "abc", "DEF"]]

    assert sorted(texts(server)) == ["postern-domain=abcDEF", "v=spf1 -all"]


def test_names_are_the_same_in_any_case_and_values_are_not(server):
    server.records[NAME] = [["postern-domain=aBc"]]

    assert texts(server, "_Postern.ACME.Example") == ["postern-domain=aBc"]


def test_name_without_such_records_and_unknown_name_have_none(server):
    server.records[NAME] = []

    assert texts(server) == []
    assert texts(server, "_postern.nowhere.example") == []


def test_record_that_is_no_text_does_not_hide_the_others(server):
    server.records[NAME] = [["\\255\\254"], ["postern-domain=abc"]]

    assert "postern-domain=abc" in texts(server)


def test_so_many_records_and_no_more_are_read(server, monkeypatch):
    monkeypatch.setattr(dns_txt, "MOST", 3)
    server.records[NAME] = [[f"record {number}"] for number in range(5)]

    assert len(texts(server)) == 3


@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", None])
def test_name_server_that_fails_or_is_silent_is_unavailable_and_not_empty(server, code):
    server.failing[NAME] = code

    with pytest.raises(Unavailable, match="do not answer just now"):
        texts(server, timeout_s=0.1)

    assert NAME in server.asked


@pytest.mark.parametrize("name", ["acme..example", f"{'a' * 64}.example", f"{'a.' * 130}example"])
def test_what_is_no_name_is_refused_before_anybody_is_asked(server, name):
    with pytest.raises(Invalid, match="is not the name of a domain"):
        texts(server, name)

    assert server.asked == []


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_name_servers_are_given_by_address_with_or_without_a_port(server, place):
    assert dns_txt._place(server) == place


@pytest.mark.parametrize("server", ["ns.example", "", "127.0.0.1:", "127.0.0.1:x"])
def test_name_server_that_is_no_address_is_refused(server):
    with pytest.raises(ValueError, match=r"not appear to be|invalid literal"):
        dns_txt.texts(NAME, servers=[server])
