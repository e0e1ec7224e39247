"""Every page, looked at by a machine: accessible, light, steady, and talking to nobody else. Pictures are kept."""

import gzip
import subprocess
from urllib.parse import urlsplit

import pytest
import requests

from tests.browser.conftest import ARTEFACTS, PATIENCE_MS, identify
from tests.sandbox.processes import ROOT
from tests.waiting import PATIENCE_S

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PUBLIC = {"landing": "/", "sign-in": "/sign-in", "styleguide": "/styleguide", "not-found": "/no-such-page"}
CONSOLE = {
    "first-call": "/first-call/",
    "tries": "/first-call/tries",
    "home": "/home/",
    "usage": "/usage/",
    "keys": "/keys/",
    "key-new": "/keys/new",
    "account": "/account",
    "operator": "/operator/",
    "operator-money": "/operator/money/",
}
WIDTHS = (1280, 390, 320)
SCHEMES = ("light", "dark")
FIRST_VISIT_BYTES = 60_000
CHECK = """
async () => (await axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}))
  .violations.map(found => [found.id, ...found.nodes.map(node => node.html.slice(0, 120))])
"""


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


def views(but=None):
    every = {**PUBLIC, **CONSOLE}
    return [pytest.param(name, path, name in CONSOLE, id=name) for name, path in every.items() if name != but]


@pytest.mark.parametrize(("name", "path", "is_console"), views())
def test_page_is_accessible_and_fits(chromium, stack, furnished, name, path, is_console):
    state = furnished if is_console else None
    context = chromium.new_context(base_url=stack.portal, storage_state=state, bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(path)
    page.add_script_tag(path=AXE)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            where = f"{name} at {width}, {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"
            if width != min(WIDTHS):
                page.screenshot(path=ARTEFACTS / f"{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate(CHECK) == [], where
    context.close()


@pytest.mark.parametrize(("name", "path", "is_console"), views(but="styleguide"))  # every component at once is heavy
def test_page_is_light_steady_and_keeps_to_itself(chromium, stack, furnished, name, path, is_console):
    context = chromium.new_context(base_url=stack.portal, storage_state=furnished if is_console else None)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    answers, hosts, errors = [], set(), []

    def finished(request):
        answers.append(request)

    page.on("console", lambda m: m.type == "error" and errors.append(m.text))
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("requestfinished", finished)
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(e => window.shift += e.value))"
        ".observe({type: 'layout-shift', buffered: true});"
    )

    page.goto(path, wait_until="load" if "/first-call/" in path else "networkidle")

    sizes = [answer.sizes() for answer in answers]
    weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    expected = (
        ["Failed to load resource: the server responded with a status of 404 (NOT FOUND)"]
        if name == "not-found"
        else []
    )
    assert errors == expected
    assert hosts == {urlsplit(stack.portal).netloc}
    assert weight < FIRST_VISIT_BYTES, f"{name}: {weight} bytes in {len(answers)} requests"
    assert page.evaluate("window.shift") == 0
    context.close()


def test_static_files_are_compressed(stack):
    page = requests.get(stack.portal + "/", headers={"Accept-Encoding": "gzip"}, timeout=PATIENCE_S)

    assert page.headers["Content-Encoding"] == "gzip"
    assert len(gzip.compress(page.content)) < 8_000
