"""Takes the pictures in docs/pictures of a site of its own, with its demo: `make screenshots`. Needs Chromium."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800
PHONE = 390
SECONDS = 180
APP = "/apps/LeadRegistration"
LEADS = f"/api{APP}/views/ViewAllRecords"
HOT = f"/api{APP}/views/HotLeads"
UPDATE = f"/api{APP}/operations/UpdateLead"
# Its first rows have one fault: a company's name is missing.
FILE = """\
Company,First name,Surname,E-mail address,Total value,Rating,First contact
Harbour Freight,Ngozi,Okafor,okafor@example.com,"12,500",Hot,31/12/2025
Northwind Traders,Kenji,Sato,sato@example.com,"4,200",Warm,14/01/2026
,Lucía,Romero,romero@example.com,"9,900",Warm,02/02/2026
Baltic Timber,Jānis,Ozols,ozols@example.com,"31,000",Hot,20/02/2026
Moor & Sons,Amelia,Moor,amoor@example.com,"1,750",Cold,03/03/2026
"""


@contextmanager
def site(password: str) -> Iterator[str]:
    """The address of a server that runs on a scratch directory. Raises RuntimeError when it does not get ready."""
    port = free_port(8000)
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {"PORT": str(port), "DATA_DIR": directory, "DEMO": "1", "DEMO_PASSWORD": password}
        os.environ |= {"DATABASE_URL": "", "REDIS_URL": "", "PUBLIC_URL": "", "HOOKS_ALLOW_PRIVATE": "1"}
        server = subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT)
        try:
            address = f"http://127.0.0.1:{port}"
            wait(f"{address}/readyz", server)
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def free_port(wanted: int) -> int:
    """The port that the docs speak of, since pictures show it; if it is taken, any."""
    for port in (wanted, 0):
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


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what hooks send, but for the warehouse, which is away."""

    def do_POST(self) -> None:
        """Answers."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if self.path == "/warehouse" else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def receiving() -> Iterator[str]:
    """The address of a receiver of hooks."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port(8080)), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def call(url: str, password: str, body: object = None) -> None:
    """Calls the API as Zapier does, with `restuser`."""
    login = base64.b64encode(f"restuser:{password}".encode()).decode()
    headers = {"User-Agent": "Zapier", "Authorization": f"Basic {login}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        answer.read()


def polled(view: str, name: str, every: dt.timedelta, *spans: tuple[float, float]) -> None:
    """Writes into the poll log what a client would have left there that polled in each span of hours ago.

    Nobody can wait for it. It is written by what writes real polls, and what it saw is what was submitted by then.
    """
    from flowfinity.models import Submission, User, View
    from flowfinity.submissions import milliseconds
    from integration import poll_log

    now = dt.datetime.now(dt.UTC)
    submitted = list(Submission.objects.order_by("id").values_list("on", "id", "record_id"))
    account = User.objects.get(username="restuser").pk
    client = poll_log.Client(account, View.objects.get(name=view).pk, name)
    for first, last in spans:
        at, end = now - dt.timedelta(hours=first), now - dt.timedelta(hours=last)
        while at <= end:
            week = at - dt.timedelta(days=7)
            newest = max((number for on, number, _ in submitted if on <= at), default=0)
            count = len({record for on, _, record in submitted if week <= on <= at})
            ms = milliseconds(at)
            shown = poll_log.Shown(
                "zapier", ms, milliseconds(week), newest, newest, count, 2 + 610 * count, 14 + newest % 9
            )
            poll_log.keep(client, shown, (0, 0))
            at += every


def prepare(address: str, receiver: str, password: str) -> None:
    """What the pages of Integration show: three clients that have polled for some days, and two hooks."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowfinity.settings")
    sys.path.insert(0, str(ROOT))
    django.setup()
    from integration.models import Watch

    for name in ("crm", "warehouse"):
        call(f"{address}{HOT}/hooks", password, {"targetUrl": f"{receiver}/{name}"})
    minutes = dt.timedelta(minutes=1)
    polled("ViewAllRecords", "", 5 * minutes, (26, 0.05))
    polled("ViewAllRecords", "newsletter", 15 * minutes, (120, 56), (20, 0.1))
    polled("HotLeads", "invoices", 15 * minutes, (40, 9))
    # A client counts as silent only when the site has been watched for longer than it is silent.
    for _ in range(60):
        if Watch.objects.update(since=dt.datetime.now(dt.UTC) - dt.timedelta(days=5)):
            break
        time.sleep(1)
    for record in ("000000170", "000000181"):
        call(f"{address}{UPDATE}", password, {"RecordID": record, "Rating": "Hot", "Probability": "80-100%"})
        call(f"{address}{LEADS}", password)
    time.sleep(8)  # Until hooks have tried twice.


def signed_in(browser: Browser, address: str, username: str, password: str, width: int = WIDTH) -> Page:
    """A window in which the person has signed in."""
    page = browser.new_context(
        base_url=address, viewport={"width": width, "height": HEIGHT}, color_scheme="light"
    ).new_page()
    page.goto("/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Your apps").wait_for()
    return page


def take(page: Page, name: str, height: int = HEIGHT) -> None:
    """Writes the picture of the window, `height` pixels high from the top of the page, in 256 colours."""
    size = page.viewport_size or {"width": WIDTH, "height": HEIGHT}
    page.set_viewport_size({"width": size["width"], "height": height})
    page.evaluate("scrollTo(0, 0)")
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    page.set_viewport_size(size)


def workspace(page: Page) -> None:
    """What Sam sees, who works with leads."""
    page.goto(f"{APP}/views/ViewAllRecords/")
    take(page, "view", 720)
    page.get_by_role("row").nth(1).get_by_role("link").click()
    page.get_by_label("Rating").select_option("Hot")
    page.get_by_role("button", name="Update lead").click()
    page.get_by_text("You updated this lead.").wait_for()
    take(page, "record", 720)
    page.goto(f"{APP}/import/")
    page.get_by_label("File").set_input_files(
        {"name": "leads.csv", "mimeType": "text/csv", "buffer": FILE.encode()}  # type: ignore[arg-type]
    )
    page.get_by_role("button", name="Look at the file").click()
    page.get_by_label("Surname").select_option(label="Last name *")
    page.get_by_text("1 of 5 rows cannot be imported.").wait_for()
    page.get_by_text("Which, and why").click()
    take(page, "import", 720)


def phone(page: Page) -> None:
    """What Sam sees on a phone."""
    page.goto(f"{APP}/operations/CaptureLead/")
    page.get_by_label("Company").fill("Harbour Freight")
    page.get_by_label("Last name").fill("Okafor")
    take(page, "phone", 500)


def integration(page: Page) -> None:
    """What Ada sees of those who call."""
    page.goto("/admin/")
    take(page, "home", 780)
    page.get_by_role("link", name="REST Integration").first.click()
    page.get_by_role("heading", name="REST Integration").wait_for()
    take(page, "rest-integration", 1240)
    page.get_by_role("link", name="Details of View all records").click()
    page.get_by_role("button", name="Show what Zapier would get now").click()
    page.get_by_text("newest id").wait_for()
    take(page, "view-details", 1240)
    page.goto("/admin/integration/sync-health/")
    take(page, "sync-health", 960)
    page.goto("/admin/integration/deliveries/")
    page.get_by_role("link", name="Hot leads").first.click()
    take(page, "deliveries", 620)
    page.goto("/admin/integration/sync-health/")
    page.get_by_role("link", name="restuser (newsletter)").first.click()
    page.get_by_role("link", name="Catch up…").click()
    page.get_by_role("button", name="Preview").first.click()
    page.get_by_text("would be sent again").wait_for()
    take(page, "catch-up", 800)


def editor(page: Page) -> None:
    """What Ada changes: a filter and a field, which are published together."""
    page.goto("/admin/apps/")
    page.get_by_role("link", name="Lead Registration").click()
    page.get_by_label("Parts of Lead Registration").get_by_role("link", name="Views").click()
    page.get_by_role("link", name="Hot leads", exact=True).click()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 2: field").select_option("First contact")
    page.get_by_label("Condition 2: comparison").select_option("is within the last …")
    page.get_by_text("First contact is within the last 30 days, sorted").wait_for()
    take(page, "filter", 760)
    page.get_by_role("button", name="Save to draft").click()
    page.get_by_text("Hot leads is saved in the draft.").wait_for()
    page.get_by_label("Parts of Lead Registration").get_by_role("link", name="Fields").click()
    page.get_by_role("link", name="Add a field").click()
    page.get_by_label("Label").fill("Next visit")
    page.get_by_label("Type").select_option("date")
    page.get_by_role("button", name="Add the field").click()
    page.get_by_text("Next visit is in the draft.").wait_for()
    page.get_by_role("link", name="Review and publish").click()
    page.get_by_text("Adds the field Next visit").wait_for()
    take(page, "publish", 900)


def main() -> None:
    """Follows the README's tour, and takes a picture where there is something to see."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("Chromium is not installed here (on Debian: apt-get install chromium).")
    PICTURES.mkdir(exist_ok=True)
    password = secrets.token_urlsafe(12)
    with site(password) as address, receiving() as receiver:
        prepare(address, receiver, password)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            workspace(signed_in(browser, address, "sam", password))
            phone(signed_in(browser, address, "sam", password, PHONE))
            ada = signed_in(browser, address, "admin", password)
            integration(ada)
            editor(ada)
            browser.close()


main()
