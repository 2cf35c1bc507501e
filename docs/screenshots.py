"""Takes the pictures in docs/pictures of a site of its own, with its demo: `make screenshots`. Needs Chromium."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800
SECONDS = 180


@contextmanager
def site(password: str) -> Iterator[str]:
    """The address of a server that runs on a scratch directory. Raises RuntimeError when it does not get ready."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        given = {"PORT": str(port), "DATA_DIR": directory, "DEMO": "1", "DEMO_PASSWORD": password, "DATABASE_URL": ""}
        server = subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT, env={**os.environ, **given})
        try:
            address = f"http://127.0.0.1:{port}"
            wait(f"{address}/readyz", server)
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def free_port() -> int:
    """The port that the README speaks of, since pictures show it; if it is taken, any."""
    for port in (8000, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise RuntimeError("This machine has no free port.")


def wait(address: str, server: subprocess.Popen[bytes]) -> None:
    """Returns when the address answers. Raises RuntimeError when the server has ended or takes too long."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError("The site does not get ready; see above.")


def signed_in(browser: Browser, address: str, username: str, password: str) -> Page:
    """A window in which the person has signed in."""
    page = browser.new_context(
        base_url=address, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light"
    ).new_page()
    page.goto("/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Your apps").wait_for()
    return page


def take(page: Page, name: str, height: int = HEIGHT) -> None:
    """Writes the picture of the window, `height` pixels high from the top of the page."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def main() -> None:
    """Follows the README's tour, and takes a picture where there is something to see."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("Chromium is not installed here (on Debian: apt-get install chromium).")
    PICTURES.mkdir(exist_ok=True)
    password = secrets.token_urlsafe(12)
    with site(password) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        sam = signed_in(browser, address, "sam", password)
        sam.goto("/apps/LeadRegistration/views/ViewAllRecords/")
        sam.get_by_role("row").nth(1).get_by_role("link").click()
        sam.get_by_label("Rating").select_option("Hot")
        sam.get_by_role("button", name="Update lead").click()
        sam.get_by_text("You updated this lead.").wait_for()
        take(sam, "record", 720)
        ada = signed_in(browser, address, "admin", password)
        ada.goto("/admin/")
        ada.get_by_role("link", name="REST Integration").first.click()
        ada.get_by_role("heading", name="REST Integration").wait_for()
        take(ada, "rest-integration", 1240)
        ada.get_by_role("link", name="Details of View all records").click()
        ada.get_by_role("button", name="Show what Zapier would get now").wait_for()
        take(ada, "view-details", 900)
        browser.close()


main()
