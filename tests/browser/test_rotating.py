"""A key gets a new secret while a program goes on calling with the old one; nothing stops that was not meant to."""

import re
import threading

import requests

from tests.browser.conftest import ARTEFACTS
from tests.browser.test_pages import AXE, CHECK, SCHEMES, WIDTHS
from tests.waiting import PATIENCE_S, eventually

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
PARAMS = {"name": "greet", "arguments": {"name": "Ada"}, "_meta": META}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": PARAMS}
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "greet",
    "User-Agent": "farm/1",
}
COUNTED = re.compile(r"was last used .+ by farm/1 from 127\.0\.0\.1, ([\d,.\s]+) calls? today")


class Program:
    """Calls with what it has until it is told to stop, as often as a plan for nothing allows; knows the answers."""

    def __init__(self, url, secret):
        self._url, self.secret = url, secret
        self.answers = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with requests.Session() as session:
            while not self._stop.wait(1.5):
                self.answers.append(call(session, self._url, self.secret))

    def stop(self):
        self._stop.set()
        self._thread.join(PATIENCE_S)


def call(session, url, secret):
    """ "ok", or the reason of the refusal."""
    headers = {**HEADERS, "Authorization": f"Bearer {secret}"}
    answer = session.post(url, json=CALL, headers=headers, timeout=PATIENCE_S).json()
    return answer["error"]["data"]["reason"] if "error" in answer else "ok"


def look_at(page, name):
    """Accessible, and pictures kept, at each width in both schemes."""
    page.evaluate(AXE.read_text())
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            where = f"{name} at {width}, {scheme}"
            if width != min(WIDTHS):
                page.screenshot(path=ARTEFACTS / f"{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"
            assert page.evaluate(CHECK, scheme) == [], where
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def figure(page, label):
    """A number at the top of the page."""
    shown = page.locator(".stat", has_text=label).locator(".stat__value").first.inner_text()
    return int(re.sub(r"\D", "", shown))


def make_key(page):
    """(secret, address of its page) of a key with a cap, made as people make one."""
    page.goto("/keys/new")
    look_at(page, "key-new")
    page.get_by_label("Name", exact=True).fill("farm")
    page.get_by_text("How much it may use").click()
    page.get_by_label("Calls a minute").fill("100000")
    page.get_by_label("Most that it may spend a month").fill("50")
    page.get_by_role("button", name="Make the key").click()
    page.locator("#secret").wait_for()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("link", name="This key’s page").click()
    page.locator("h1", has_text="farm").wait_for()
    return secret, page.url


def rotate(page):
    """The new secret; the old one goes on for a day."""
    page.get_by_role("link", name="New secret").click()
    page.locator("h1", has_text="a new secret").wait_for()
    look_at(page, "key-rotate")
    page.get_by_label("The old secret goes on").select_option("24")
    page.get_by_role("button", name="Make a new secret").click()
    page.locator("#secret").wait_for()
    return page.locator("#secret").inner_text()


def counted(page, address):
    """Whether the key's page tells by whom the old secret is used, and that it is a lot."""
    page.goto(address)
    found = COUNTED.search(page.locator("main").inner_text())
    return found is not None and int(re.sub(r"\D", "", found[1])) > 3


def says(page, address, words):
    page.goto(address)
    return words in page.locator("main").inner_text()


def test_a_key_is_rotated_while_a_program_goes_on_calling(sign_in, stack):
    page = sign_in("robin")
    old, address = make_key(page)
    url = f"http://127.0.0.1:{stack.base_port + 1}/k/sampler/mcp"
    program = Program(url, old)
    try:
        eventually(lambda: len(program.answers) > 2)
        new = rotate(page)
        with requests.Session() as session:
            eventually(lambda: call(session, url, new) == "ok")
        so_far = len(program.answers)
        eventually(lambda: len(program.answers) > so_far + 2)
        assert set(program.answers) == {"ok"}  # the program has not noticed anything

        eventually(lambda: counted(page, address), every_s=0.5)
        before = figure(page, "Calls today")
        assert "$50.00 a month" in page.locator("main").inner_text()
        look_at(page, "key")

        program.secret = new
        page.goto(address)
        page.get_by_role("button", name="End it now").click()
        page.get_by_text("stops within a second").wait_for()
        with requests.Session() as session:
            eventually(lambda: call(session, url, old) == "retired_key")
            assert call(session, url, new) == "ok"
    finally:
        program.stop()

    assert set(program.answers) == {"ok"}
    eventually(lambda: says(page, address, "The key has another secret by now"), every_s=0.5)
    text = page.locator("main").inner_text()
    assert figure(page, "Calls today") >= before  # one key, one count
    assert "$50.00 a month" in text
    assert "ended an earlier secret" in text
    assert "An old secret still works" not in text
    page.goto("/keys/?q=farm")
    assert page.locator("tbody tr", has_text=new[:17]).count() == 1
    look_at(page, "keys-list")
