"""Whatever scopes and networks a key has: it reaches what a slow and plain reading of them says, and nothing else."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from app.keys import networks, scopes

SLUGS = st.sampled_from(["clock", "sampler", "files", "a-b"])
TOOLS = st.sampled_from(["greet", "read", "read/text", "Greet", "greet ", ""])
SCOPES = st.lists(st.one_of(SLUGS, st.builds("{}/{}".format, SLUGS, TOOLS.filter(bool))), max_size=8)

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@st.composite
def networks_of(draw, addresses=ADDRESSES):
    address = draw(addresses)
    return ipaddress.ip_network((address, draw(st.integers(0, address.max_prefixlen))), strict=False)


def slowly_reaches(texts, slug, tool):
    return slug in texts or f"{slug}/{tool}" in texts


def slowly_holds(found, address):
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return any(address.version == network.version and address in network for network in found)


@given(texts=SCOPES, slug=SLUGS, tool=TOOLS.filter(bool))
def test_a_key_reaches_what_its_scopes_name_and_nothing_else(texts, slug, tool):
    tools = scopes.read(texts).tools_of(slug)

    assert (tools is None or tool in tools) == slowly_reaches(texts, slug, tool)
    assert (tools is None) == (slug in texts)


@given(texts=SCOPES, slug=SLUGS)
def test_the_kept_form_of_scopes_reaches_the_same(texts, slug):
    typed = [f" {text} " for text in texts]  # blanks around what was typed are nobody's

    assert scopes.read(scopes.plain(typed)).tools_of(slug) == scopes.read(t.strip() for t in texts).tools_of(slug)


@given(found=st.lists(networks_of(), min_size=1, max_size=5), address=ADDRESSES, within=st.data())
def test_a_key_is_used_from_its_networks_and_nowhere_else(found, address, within):
    if within.draw(st.booleans()):  # chance alone would hardly ever be inside
        network = within.draw(st.sampled_from(found))
        address = network[within.draw(st.integers(0, network.num_addresses - 1))]
    read = networks.read([networks.plain(str(network)) for network in found])
    plain = [ipaddress.ip_network(networks.plain(str(network))) for network in found]

    assert read.hold(str(address)) == slowly_holds(plain, address)


@given(address=st.ip_addresses(v=4), network=networks_of(st.ip_addresses(v=4)))
def test_an_ipv4_address_is_the_same_however_it_came(address, network):
    read = networks.read([networks.plain(str(network))])

    assert read.hold(str(address)) == read.hold(f"::ffff:{address}") == read.hold(f"{address}:443")


@given(network=networks_of())
def test_a_network_that_was_kept_is_kept_in_the_same_way_again(network):
    kept = networks.plain(str(network))

    assert networks.plain(kept) == kept
