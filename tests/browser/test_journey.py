"""The journey of a newcomer: sign in, get a key, call a real MCP server through the gateway, see it in the ledger."""

import re
import subprocess
import sys

from tests.waiting import PATIENCE_S, eventually

RECEIPT = re.compile(r"rcp_[0-9A-Z]{26}")
DURATION = re.compile("[0-9]\N{NO-BREAK SPACE}(µs|ms|s)\\b")


def run_in_shell(command):
    """What a newcomer's terminal prints."""
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    ).stdout


def snippet(page, slug):
    """The command as the copy button would take it."""
    return page.locator(f"#code-{slug}").text_content()


def follow(page, curl):
    """The list of calls follows what comes, holds still while it is paused, and goes on from there."""
    rows = page.locator("tbody tr")
    before = rows.count()
    page.get_by_role("link", name="Follow live").click()
    run_in_shell(curl)
    page.locator("tbody tr.is-new").wait_for()
    assert (rows.count(), "live=on" in page.url) == (before + 1, True)
    page.get_by_role("link", name="Pause").click()
    run_in_shell(curl)
    assert (rows.count(), "live=on" in page.url) == (before + 1, False)
    page.get_by_role("link", name="Follow live").click()
    rows.nth(before + 1).wait_for()


def test_from_landing_page_to_a_call_on_the_dashboard(sign_in, tmp_path):
    page = sign_in("alex")
    page.wait_for_url("**/first-call/**")
    assert page.locator("h1").inner_text() == "Your first call"
    secret = page.locator("#secret").inner_text()
    assert re.fullmatch(r"pst_live_[0-9A-Za-z]{36}", secret)
    page.get_by_text("Waiting for your first call…").wait_for()
    curl, python = snippet(page, "curl"), snippet(page, "python")
    assert secret in curl
    assert secret in python

    # A failed try is explained where it was made.
    refused = run_in_shell(curl.replace(secret, secret[:-3]))
    assert "cut short or mistyped" in refused
    page.locator(".try--failed").first.wait_for()
    assert "cut short" in page.locator(".try--failed").first.inner_text()

    run_in_shell(curl.replace('"name":"greet"', '"name":"grete"').replace("Mcp-Name: greet", "Mcp-Name: grete"))
    page.locator(".try--failed", has_text="grete").wait_for()

    run_in_shell(curl.replace("/k/sampler/", "/k/samplr/"))
    page.locator(".try--failed", has_text="samplr").wait_for()

    # The call itself.
    answer = run_in_shell(curl)
    assert "Hello" in answer
    page.get_by_text("Your call came through.").wait_for()
    success = page.locator(".try:not(.try--failed)").first
    assert "greet" in success.inner_text()
    assert DURATION.search(success.inner_text())
    receipt = RECEIPT.search(success.inner_text()).group()

    # The official client, as a program of the newcomer's own.
    program = tmp_path / "first_call.py"
    program.write_text(python)
    output = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert "Hello" in output.stdout

    # Home and Usage show both, straight from the ledger.
    page.get_by_role("link", name="Home", exact=True).first.click()
    page.locator("h1", has_text="Home").wait_for()
    assert page.locator("tbody tr", has_text="greet").count() == 2
    assert "Data until" in page.locator("figure").inner_text()
    page.get_by_role("link", name="Usage", exact=True).first.click()
    page.locator("h1", has_text="What you used").wait_for()
    page.get_by_role("link", name="All calls", exact=True).first.click()
    row = page.locator("tr", has_text=receipt)
    for words in ("greet", "sampler", "First key", "OK", "\N{NO-BREAK SPACE}B"):
        assert words in row.inner_text()
    assert DURATION.search(row.inner_text())

    follow(page, curl)

    # The page of a call makes it again.
    page.get_by_role("link", name=receipt).click()
    page.locator("h1", has_text="One call of greet").wait_for()
    again = page.locator("#curl").text_content()
    assert secret not in page.content()
    assert "Hello" in run_in_shell(f"export POSTERN_KEY={secret}\n{again}")


def test_the_key_is_shown_once(sign_in):
    page = sign_in("kim")
    secret = page.locator("#secret").inner_text()

    page.reload()

    assert secret not in page.content()
    assert page.locator("#secret").count() == 0
    page.get_by_role("button", name="Make another key and show it here").click()
    page.locator("#secret").wait_for()
    another = page.locator("#secret").inner_text()
    assert another != secret
    page.go_back()
    page.go_forward()
    page.get_by_role("button", name="Make another key and show it here").wait_for()
    assert another not in page.content()

    page.get_by_role("button", name="Make another key and show it here").click()
    page.locator("#secret").wait_for()
    third = page.locator("#secret").inner_text()
    page.goto("about:blank")
    page.go_back()
    page.get_by_role("button", name="Make another key and show it here").wait_for()
    assert third not in page.content()


def test_a_key_is_made_named_used_and_revoked(sign_in, stack):
    page = sign_in("robin")
    curl = snippet(page, "curl")
    first = page.locator("#secret").inner_text()
    page.get_by_role("link", name="API keys", exact=True).first.click()
    page.get_by_role("link", name="Make a key").first.click()

    page.get_by_role("button", name="Make the key").click()
    page.get_by_text("Give the key a name").first.wait_for()
    page.get_by_label("Name", exact=True).fill("ci <b>&")
    page.get_by_role("button", name="Make the key").click()
    page.locator("h1", has_text="Your new key").wait_for()
    secret = page.locator("#secret").inner_text()
    assert "Hello" in run_in_shell(curl.replace(first, secret))

    page.get_by_role("link", name="All keys").click()
    row = page.locator("tbody tr", has_text="ci <b>&")
    assert secret[:17] in row.inner_text()
    assert secret[-4:] in row.inner_text()
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Revoke those chosen").click()
    page.get_by_role("button", name="Revoke it").click()
    page.get_by_text("was revoked").first.wait_for()
    assert "Revoked" in page.locator("tbody tr", has_text="ci <b>&").inner_text()
    eventually(lambda: "revoked" in run_in_shell(curl.replace(first, secret)))
    assert "Hello" in run_in_shell(curl)


def test_everything_works_without_javascript(sign_in, stack):
    page = sign_in("sam", java_script_enabled=False)
    curl = snippet(page, "curl")
    assert "Hello" in run_in_shell(curl)

    page.get_by_role("link", name="Look whether it arrived").click()
    page.get_by_text("Your call came through.").wait_for()
    page.goto(f"{stack.portal}/usage/calls/?live=on")
    assert not page.get_by_text("Pause").is_visible()
    assert "Hello" in run_in_shell(curl)
    page.get_by_role("link", name="Refresh").click()
    assert page.locator("tbody tr").count() == 2
    page.get_by_role("link", name="API keys", exact=True).first.click()
    page.get_by_role("link", name="Make a key").first.click()
    page.get_by_label("Name", exact=True).fill("no script")
    page.get_by_role("button", name="Make the key").click()
    page.locator("#secret").wait_for()
    page.get_by_role("link", name="API keys", exact=True).first.click()
    row = page.locator("tbody tr", has_text="no script")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Revoke those chosen").click()
    page.get_by_role("button", name="Revoke it").click()
    page.get_by_text("was revoked").first.wait_for()


def test_signing_out_ends_the_session_at_the_server(sign_in, new_page):
    page = sign_in("alex")
    page.goto("/home/")
    cookies = page.context.cookies()

    page.get_by_role("button", name="Alex Mason").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")

    thief = new_page()
    thief.context.add_cookies(cookies)
    thief.goto("/home/")
    assert "/sign-in" in thief.url or "localhost" in thief.url
