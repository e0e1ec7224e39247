"""A team: people come in by invitation and by the organisation's own provider, feel what their role allows, and see
what was used.
"""

import csv
import io
from datetime import UTC, datetime

import pytest

from app.organisations import roles
from app.plans import amounts
from app.web import writing
from tests.accounts.provider import CLIENT_ID, CLIENT_SECRET
from tests.browser.own_provider import SignedIn
from tests.browser.paying import check_out, curl_of
from tests.browser.test_journey import run_in_shell
from tests.rules.test_routes import published
from tests.waiting import eventually

OWNER, DOMAIN = "ines", "acme.example"
FILES = (".csv", ".json", ".zip")


@pytest.fixture
def own_provider():
    provider = SignedIn()
    yield provider
    provider.stop()


def pages():
    """{path: permission}: every page of the console that can be asked for without knowing a thing's id."""
    return {
        address.removeprefix("GET "): guard.split()[1]
        for address, guard in published().items()
        if address.startswith("GET ") and guard.startswith("member ") and "<" not in address
        if not address.endswith(FILES)
    }


def felt(page, role):
    """Pages that answer this member otherwise than the table of roles says."""
    answers = {path: page.request.get(path, max_redirects=0).status for path in pages()}
    return {
        path: status
        for path, status in answers.items()
        if status >= 500 or (status == 403) is roles.may(role, pages()[path])
    }


def give(page, name, role):
    page.goto("/organisation/members/")
    page.get_by_role("link", name=name).click()
    page.locator(f"input[name=role][value={role}]").check()
    page.get_by_role("button", name="Change the role").click()
    page.get_by_text(f"is {role} now").wait_for()


def invite(page):
    """The address of a link that makes one person a viewer."""
    page.goto("/organisation/members/invite")
    by_link = page.get_by_role("region", name="By link")
    by_link.get_by_label("Role").select_option("viewer")
    by_link.get_by_label("How many people").fill("1")
    page.get_by_role("button", name="Make the link").click()
    return page.locator("#address").inner_text()


def connect(page, provider, name_server):
    """The organisation's own provider, tested, with its domain proven."""
    page.goto("/organisation/sign-in/")
    page.get_by_label("What your people call it").fill("Acme login")
    page.get_by_label("Issuer").fill(provider.issuer)
    page.get_by_label("Client id").fill(CLIENT_ID)
    page.get_by_label("Client secret").fill(CLIENT_SECRET)
    page.get_by_label("Role of who comes in").select_option("viewer")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Test it").click()
    page.get_by_text("The provider answers").wait_for()
    page.get_by_role("textbox", name="Domain").fill(DOMAIN)
    page.get_by_role("button", name="Add the domain").click()
    row = page.locator("tbody tr", has_text=DOMAIN)
    row.get_by_role("button", name="Look for it").wait_for()
    name, record = row.locator("code").all_inner_texts()
    name_server.records[name] = [[record[:20], record[20:]]]
    row.get_by_role("button", name="Look for it").click()
    page.get_by_text(f"{DOMAIN} is proven").wait_for()


def test_people_come_in_and_feel_what_their_role_allows(sign_in, new_page, own_provider, name_server):
    owner = sign_in(OWNER)
    owner.goto("/billing/plan/team")
    check_out(owner)
    address = invite(owner)

    # By the link, with an account of their own.
    member = sign_in("alex")
    member.goto(address)
    member.get_by_text("Inês Duarte invites you.").wait_for()
    member.get_by_role("button", name="Join as Alex Mason").click()
    member.get_by_text("You are viewer here").wait_for()
    for role in (roles.VIEWER, roles.BILLING, roles.DEVELOPER, roles.ADMIN):
        if role != roles.VIEWER:
            give(owner, "Alex Mason", role)
        assert felt(member, role) == {}, role
        member.goto("/keys/")
        assert member.get_by_role("link", name="Make a key").count() == roles.may(role, "keys:write"), role
        member.goto("/organisation/")
        assert member.get_by_role("link", name="Single sign-on").count() == roles.may(role, "sso:write"), role
    give(owner, "Alex Mason", roles.VIEWER)
    assert "Your role in “Inês Duarte” does not include this." in member.request.get("/keys/new").text()

    # By the organisation's own provider, which knows them and nobody else here does.
    connect(owner, own_provider, name_server)
    newcomer = new_page()
    newcomer.goto("/")
    newcomer.get_by_role("link", name="Sign in with your organisation").click()
    newcomer.get_by_label("E-mail").fill(f"nell@{DOMAIN}")
    newcomer.get_by_role("button").last.click()
    newcomer.get_by_role("link", name="Continue with Acme login").click()
    newcomer.wait_for_url("**/home/")
    assert "Inês Duarte" in newcomer.locator(".house").first.inner_text()
    owner.goto("/organisation/members/")
    assert "Viewer" in owner.locator("tbody tr", has_text="Nell New").inner_text()


def test_usage_of_a_period_is_filtered_and_its_file_says_what_the_page_says(sign_in):
    page = sign_in(OWNER)
    curl = curl_of(page)
    for command in (curl, curl, curl.replace('"name":"greet"', '"name":"grete"').replace("Name: greet", "Name: grete")):
        run_in_shell(command)
    today = f"{datetime.now(UTC):%Y-%m-%d}"

    def shown():
        page.goto("/usage/?by=tool")
        page.get_by_text("Which calls, and from when to when").click()
        page.get_by_role("textbox", name="Tool").fill("sampler/greet")
        page.get_by_label("From", exact=True).fill(today)
        page.get_by_label("To, included").fill(today)
        page.get_by_role("button", name="Show", exact=True).click()
        page.wait_for_url("**tool=sampler%2Fgreet**")
        rows = page.locator("#groups tbody tr")
        return [[cell.strip() for cell in row.locator("th, td").all_inner_texts()] for row in rows.all()]

    eventually(lambda: shown()[0][1] == "2", every_s=0.5)
    assert f"from={today}&to={today}" in page.url

    [group, total] = shown()
    [line] = csv.DictReader(io.StringIO(page.request.get(link_to(page, "CSV")).text()))
    assert group == as_shown(line)
    assert total[1:] == group[1:]
    file = page.request.get(link_to(page, "JSON")).json()
    assert (file["total"]["calls"], file["filters"]) == (2, {"tool": "sampler/greet"})
    assert file["period"]["from"].startswith(today)


def link_to(page, words):
    return page.locator("#groups").get_by_role("link", name=words, exact=True).get_attribute("href")


def as_shown(line):
    """A line of the file as the page writes it."""
    both = {name: int(line[f"{name}_in"]) + int(line[f"{name}_out"]) for name in ("bytes", "tokens")}
    return [
        line["label"],
        writing.number(int(line["calls"])),
        writing.number(int(line["errors"])),
        *(writing.ms(int(line[f"{share}_us"])) for share in ("p50", "p95", "p99")),
        writing.bytes_(both["bytes"]),
        writing.number(both["tokens"]),
        amounts.shown(int(line["amount_nanos"]), currency=line["currency"]),
    ]
