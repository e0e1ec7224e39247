"""Every page, looked at by a machine: accessible, light, steady, and talking to nobody else. Pictures are kept."""

import gzip
import subprocess
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page

from tests.browser.conftest import ARTEFACTS, PATIENCE_MS, identify
from tests.sandbox.processes import ROOT
from tests.waiting import PATIENCE_S

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PUBLIC = {
    "landing": "/",
    "pricing": "/pricing",
    "sign-in": "/sign-in",
    "report-a-key": "/report-a-key",
    "scanner-rules": "/report-a-key/rules",
    "styleguide": "/styleguide",
    "not-found": "/no-such-page",
}
CONSOLE = {
    "first-call": "/first-call/",
    "tries": "/first-call/tries",
    "home": "/home/",
    "usage": "/usage/",
    "usage-alerts": "/usage/alerts/",
    "keys": "/keys/",
    "key-new": "/keys/new",
    "leaks": "/keys/leaks/",
    "leak-policy": "/keys/leaks/policy",
    "account": "/account",
    "billing": "/billing/",
    "plan": "/billing/plan",
    "plan-choose": "/billing/plan/payg",
    "wallet": "/billing/wallet/",
    "caps": "/billing/limits/",
    "months": "/billing/months/",
    "what-if": "/billing/what-if/",
    "outbox": "/outbox/",
    "operator": "/operator/",
    "operator-money": "/operator/money/",
    "operator-stripe": "/operator/stripe/",
    "operator-plans": "/operator/plans/",
    "operator-mail": "/operator/mail/",
    "operator-audit": "/operator/audit/",
}
WIDTHS = (1280, 390, 320)
SCHEMES = ("light", "dark")
FIRST_VISIT_BYTES = 60_000
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (NOT FOUND)"
STEADY = 0.02
"""Layout shift that nobody sees, a fifth of what is called good (https://web.dev/articles/cls): a long page may be
painted in two steps on a busy machine.
"""
SHIFTS = """
window.shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => window.shift += entry.value))
  .observe({type: "layout-shift", buffered: true});
"""
CHECK = """
async scheme => (await axe.run({
  runOnly: scheme == "dark"
    ? {type: "rule", values: ["color-contrast", "link-in-text-block"]}
    : ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})).violations.map(found => [found.id, ...found.nodes.map(node => node.html.slice(0, 120))])
"""
"""All of it in light colours; in dark ones what is about colours, because nothing else differs between them."""


@pytest.fixture(scope="module")
def furnished(stack, chromium):
    """The state of a browser of an operator who is signed in, has called, and has keys."""
    context = chromium.new_context(base_url=stack.portal)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/")
    page.get_by_role("link", name="Sign in").first.click()
    identify(page, "alex")
    stack.postern("operator", "add", stack.identity, "alex")
    if page.locator("#secret").count() == 0:
        page.goto("/first-call/")
        page.get_by_role("button", name="Make another key and show it here").click()
        page.locator("#secret").wait_for()
    curl = page.locator("#code-curl").text_content()
    for command in (curl, curl.replace('"greet"', '"fail"').replace(": greet", ": fail"), curl[:-40], curl):
        subprocess.run(["bash", "-c", command], capture_output=True, timeout=PATIENCE_S, check=False)
    state = context.storage_state()
    context.close()
    return state


@dataclass
class Visit:
    """A page that was opened, and what that took. answers: requests that were answered."""

    name: str
    page: Page
    answers: list = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfinished", self._answered)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.add_init_script(SHIFTS)

    def _answered(self, request):  # a function of ours: Playwright keeps a mark on it, which list.append does not bear
        self.answers.append(request)

    def weight(self):
        """Bytes of all answers."""
        sizes = [answer.sizes() for answer in self.answers]
        return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)


@pytest.fixture(scope="module", params=[*PUBLIC, *CONSOLE])
def visit(request, chromium, stack, furnished):
    """Each page is opened once, for all that is asked of it."""
    path = {**PUBLIC, **CONSOLE}[request.param]
    context = chromium.new_context(base_url=stack.portal, storage_state=furnished if request.param in CONSOLE else None)
    visit = Visit(request.param, context.new_page())
    visit.page.goto(path, wait_until="load" if "/first-call/" in path else "networkidle")
    yield visit
    context.close()


def test_page_is_light_steady_and_keeps_to_itself(visit, stack):
    is_missing = visit.name == "not-found"
    assert visit.errors == ([NOT_FOUND] if is_missing else [])
    assert visit.hosts == {urlsplit(stack.portal).netloc}
    if visit.name != "styleguide":  # every component at once is heavy
        assert visit.weight() < FIRST_VISIT_BYTES, f"{visit.weight()} bytes in {len(visit.answers)} requests"
    assert visit.page.evaluate("window.shift") < STEADY


def test_page_is_accessible_and_fits(visit):
    page = visit.page
    page.evaluate(AXE.read_text())
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            where = f"{visit.name} at {width}, {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"
            if width != min(WIDTHS):
                page.screenshot(path=ARTEFACTS / f"{visit.name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate(CHECK, scheme) == [], where


def test_static_files_are_compressed(stack):
    page = requests.get(stack.portal + "/", headers={"Accept-Encoding": "gzip"}, timeout=PATIENCE_S)

    assert page.headers["Content-Encoding"] == "gzip"
    assert len(gzip.compress(page.content)) < 8_000
