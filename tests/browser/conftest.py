"""The whole of Postern as `postern run` starts it, and a real browser in front of it.

Chromium is the one that POSTERN_TEST_CHROMIUM names, else the system's, else Playwright's own.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

import psutil
import pytest
from playwright.sync_api import TimeoutError as NotInTime
from playwright.sync_api import sync_playwright

from app.sandbox.stripe import asked
from tests.core.name_server import NameServer
from tests.ports import free_base_port
from tests.sandbox.processes import ROOT, environment
from tests.sandbox.stripe import validate
from tests.waiting import PATIENCE_S, eventually

PATIENCE_MS = 1_000 * PATIENCE_S
PRESSES = 3
PASSWORD = "let-me-in"
ARTEFACTS = ROOT / "build" / "screenshots"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass(frozen=True)
class Stack:
    """Addresses of a running Postern."""

    base_port: int
    environment: dict[str, str]

    @property
    def portal(self):
        return f"http://127.0.0.1:{self.base_port}"

    @property
    def identity(self):
        return f"http://localhost:{self.base_port + 2}"

    @property
    def stripe(self):
        """The stand-in for Stripe."""
        return f"http://127.0.0.1:{self.base_port + 7}"

    @property
    def root(self):
        return ROOT

    def postern(self, *arguments):
        """Run the command line on this installation."""
        command = [sys.executable, "-m", "app.cli", *arguments]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def name_server():
    """Who says what stands in the DNS."""
    with NameServer() as server:
        yield server


@pytest.fixture(scope="package")  # no longer: its worker looks for work each second
def stack(tmp_path_factory, name_server):
    """`postern run` on free ports with a database of its own, from the first page to the last."""
    folder = tmp_path_factory.mktemp("stack")
    port = free_base_port()
    stack = Stack(
        port,
        environment(
            base_port=port,
            data_dir=folder / "var",
            sign_ins_per_address=1000,
            seal_every_s=1,
            usage_every_s=1,
            dns_servers=json.dumps([name_server.place]),
        ),
    )
    log = folder / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "run"], cwd=ROOT, env=stack.environment, stdout=output, stderr=output
        )
    children = []
    try:
        eventually(lambda: _is_up(process, log), timeout_s=5 * PATIENCE_S)
        children = psutil.Process(process.pid).children(recursive=True)
        yield stack
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert validate.wrong_in_file(folder / "var" / asked.FILE) == []  # whatever Stripe was asked


@pytest.fixture(scope="package")  # no longer: its event loop runs until it ends, and other tests need their own
def chromium():
    path = os.environ.get("POSTERN_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium, stack):
    """Opens pages in browsers of their own; a page that reports an error in its console fails the test."""
    contexts, problems = [], []

    def open_one(**options):
        context = chromium.new_context(base_url=stack.portal, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)

        def note(text):
            if page.url.startswith(stack.portal):  # what the identity provider's own pages lack is not ours
                problems.append(f"{page.url}: {text}")

        page.on("pageerror", lambda error: note(str(error)))
        page.on("console", lambda message: _is_wrong(message) and note(message.text))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def sign_in(new_page):
    """Signs a known person in, in a new browser, and answers the page they land on.

    A journey that begins with somebody's first sign-in, or changes their plan, has a person of its own.
    """

    def go(user_name, **options):
        page = new_page(**options)
        page.goto("/")
        page.get_by_role("link", name="Sign in").first.click()
        identify(page, user_name)
        return page

    return go


def identify(page, user_name):
    """Say who you are at the identity provider, whose first page now and then does not hear a button being pressed."""
    for _ in range(PRESSES):
        page.locator("input[name=login]").fill(user_name)
        page.locator("button[type=submit], input[type=submit]").first.click()
        try:
            page.locator("input[name=password]").wait_for(timeout=PATIENCE_MS / PRESSES)
            break
        except NotInTime:
            page.reload()
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button[type=submit], input[type=submit]").first.click()
    page.wait_for_url("**/127.0.0.1:*/**")


def _is_wrong(message):
    """Chromium reports a form that came back to be corrected (422) as an error; it is none."""
    return message.type == "error" and "status of 422" not in message.text


def _is_up(process, log):
    said = log.read_text()
    if process.poll() is not None:
        pytest.fail(said)  # at once: eventually() takes an AssertionError for “not yet”
    return "Now open http" in said
