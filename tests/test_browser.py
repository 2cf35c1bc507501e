"""A person's day in a real browser against the real server: browse, open, change, capture; then the poll sees it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.conf import settings
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import Server

WIDTHS = {"desk": (1400, 900), "phone": (390, 844)}
# What the page says of itself when something is wrong with it: scripts, styles or the security policy.
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Page]:
    """A window in which Sam has logged in. Whatever it complains of fails the test."""
    with window(server, browser, "sam", WIDTHS[request.param]) as page:
        yield page


@contextmanager
def window(
    server: Server, browser: Browser, username: str, size: tuple[int, int], forgiven: str = "nothing", **options: Any
) -> Iterator[Page]:
    """A window in which somebody has logged in. What its console complains of fails the test, if not `forgiven`."""
    width, height = size
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": width, "height": height},
        permissions=["geolocation"],
        geolocation={"latitude": 49.2827, "longitude": -123.1207, "accuracy": 12},
        **options,
    )
    context.set_default_timeout(20_000)
    context.add_init_script(LISTEN)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Your apps").wait_for()
    yield page
    context.close()
    assert [one for one in complaints if forgiven not in one] == []


def more(page: Page) -> None:
    """Shows what a phone keeps back at first."""
    button = page.get_by_role("button", name="More fields")
    if button.is_visible():
        button.click()


def look(page: Page) -> None:
    """Nothing sticks out of the page, and nothing breaks its security policy."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
    assert page.evaluate("window.violations") == [], page.url


def poll(server: Server) -> list[dict[str, Any]]:
    """The view as Zapier polls it."""
    answer = requests.get(
        f"{server.url}/api/apps/LeadRegistration/views/ViewAllRecords",
        auth=("restuser", server.password),
        headers={"User-Agent": "Zapier"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_a_lead_is_changed_and_its_history_shows_it(server: Server, page: Page) -> None:
    look(page)
    page.get_by_role("link", name="View all records").first.click()
    page.get_by_role("heading", name="View all records").wait_for()
    look(page)
    page.get_by_role("row").nth(2).get_by_role("link").click()
    rating = page.get_by_label("Rating")
    before = rating.input_value()
    after = "Cold" if before != "Cold" else "Hot"
    look(page)
    rating.select_option(after)
    page.get_by_role("button", name="Update lead").click()
    page.get_by_text("You updated this lead.").wait_for()
    newest = page.locator(".history li").first
    assert "Sam Lowry updated this lead" in newest.inner_text()
    assert newest.locator("ins").inner_text() == after
    assert newest.locator("del").all_inner_texts() == ([before] if before else [])
    assert rating.input_value() == after
    look(page)
    number = re.search(r"/records/(\d+)/", page.url)
    [lead] = [item for item in poll(server) if number and item["RecordID"] == number[1]]
    assert lead["Rating"] == {"Selection": after} and lead["LastOperation"] == "UpdateLead" and not lead["IsNew"]


def test_a_lead_is_captured_and_the_next_poll_has_it_first(server: Server, page: Page) -> None:
    company = f"Brand new at {page.viewport_size}"
    page.get_by_role("link", name="Capture lead").first.click()
    page.get_by_label("Last name").fill("Byron")
    look(page)
    more(page)
    page.get_by_label("E-mail address").fill("ada@")
    look(page)
    page.get_by_role("button", name="Capture lead").click()
    page.get_by_text("Company is required: give it a value.").wait_for()
    assert page.get_by_label("Last name").input_value() == "Byron"
    look(page)
    page.get_by_label("Company").fill(company)
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Capture lead").dblclick(no_wait_after=True)
    page.get_by_text("You captured this lead.").first.wait_for()
    page.get_by_role("heading", name=company).wait_for()
    look(page)
    items = poll(server)
    assert (items[0]["Company"], items[0]["IsNew"], items[0]["CreatedBy"]) == (company, True, "Sam Lowry")
    assert [item["Company"] for item in items].count(company) == 1
    assert page.url.endswith(f"/apps/LeadRegistration/records/{items[0]['RecordID']}/")


def test_two_windows_do_not_overwrite_each_other(page: Page) -> None:
    page.goto("/apps/LeadRegistration/views/HotLeads/")
    page.get_by_role("row").nth(3).get_by_role("link").click()
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Total value").fill("1234")
    other.get_by_role("button", name="Update lead").click()
    other.get_by_text("You updated this lead.").wait_for()
    page.get_by_label("Total value").fill("4321")
    page.get_by_role("button", name="Update lead").click()
    panel = page.get_by_role("alert")
    panel.get_by_role("heading", name="Sam Lowry saved this while you were editing").wait_for()
    assert "$4,321" in panel.inner_text() and "$1,234" in panel.inner_text()
    assert page.get_by_label("Total value").input_value() == "4321"
    look(page)
    page.locator(".foot").get_by_role("button").click()
    page.get_by_text("You updated this lead.").wait_for()
    assert "$1,234" in page.locator(".history li").first.locator("del").inner_text()


def test_a_search_is_narrowed_sorted_and_cleared(page: Page) -> None:
    page.goto("/apps/LeadRegistration/views/SearchLeads/")
    filter_ = page.get_by_role("search")
    if not filter_.get_by_label("Rating").is_visible():
        page.locator("summary", has_text="Filter").click()
    filter_.get_by_label("Rating").select_option("Cold")
    filter_.get_by_role("button", name="Apply").click()
    page.wait_for_url("**Rating=Cold**")
    look(page)
    chips = page.locator("tbody .chip").all_text_contents()
    assert chips and set(chips) == {"Cold"}
    page.goto(page.url + "&sort=-TotalValue&MinimumValue=lots")
    page.get_by_text("Nothing is shown until what is marked above is corrected.").wait_for()
    look(page)
    page.get_by_role("link", name="Show everything").click()
    page.wait_for_url("**/SearchLeads/")


def test_a_list_is_sorted_by_its_headings_or_on_a_phone_by_a_choice(page: Page) -> None:
    page.goto("/apps/LeadRegistration/views/SearchLeads/?Rating=Cold")
    phone = not page.get_by_role("columnheader", name="Company").is_visible()
    if phone:
        page.get_by_label("Sort by").select_option("Company, descending")
    else:
        assert not page.get_by_label("Sort by").is_visible()
        # It is by company already: its heading turns that around.
        page.get_by_role("link", name="Company", exact=True).click()
    page.wait_for_url("**sort=-Company**")
    assert "Rating=Cold" in page.url
    names = [name.casefold() for name in page.locator("tbody td:first-child").all_text_contents()]
    assert names[0] > names[-1]
    # No value makes the list wider than its card.
    assert not phone or page.locator(".list .scroll").evaluate("(list) => list.scrollWidth <= list.clientWidth")
    look(page)


def test_a_view_is_searched_while_one_types_and_back_leads_to_what_was_found(page: Page) -> None:
    page.goto("/apps/LeadRegistration/views/ViewAllRecords/")
    box = page.get_by_role("searchbox", name="Search")
    box.press_sequentially("SAFARI", delay=20)
    rows = page.locator("tbody tr")
    page.wait_for_url("**/ViewAllRecords/?q=SAFARI")
    page.get_by_text("2 records", exact=True).first.wait_for()
    assert rows.count() == 2 and page.evaluate("document.activeElement.id") == "find"
    look(page)
    page.locator("summary", has_text="More").click()
    assert str(page.get_by_role("link", name="Export as CSV").get_attribute("href")).endswith("export.csv?q=SAFARI")
    look(page)
    page.keyboard.press("Escape")
    rows.first.get_by_role("link").click()
    page.get_by_role("heading", name="Acacia Safari Camps").wait_for()
    page.go_back()
    page.get_by_role("heading", name="View all records").wait_for()
    assert page.get_by_role("searchbox", name="Search").input_value() == "SAFARI" and rows.count() == 2
    page.get_by_role("searchbox", name="Search").fill("qqq zzz")
    page.get_by_text("Nothing here matches “qqq zzz”.").wait_for()
    look(page)
    page.get_by_role("link", name="Show everything").click()
    page.get_by_role("link", name="Next").click()
    page.get_by_text("51–100 of").first.wait_for()
    page.get_by_role("link", name="Previous").click()
    page.get_by_text("1–50 of").first.wait_for()
    look(page)


def test_a_view_is_searched_without_a_script(server: Server, browser: Browser) -> None:
    with window(server, browser, "sam", WIDTHS["desk"], java_script_enabled=False) as page:
        page.goto("/apps/LeadRegistration/views/ViewAllRecords/")
        page.get_by_role("searchbox", name="Search").fill("safari moyo")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("1 record", exact=True).wait_for()


CUT = "ERR_CONNECTION_RESET"


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("reloaded", [False, True], ids=["waiting", "reloaded"])
def test_a_connection_lost_after_the_server_has_written_makes_one_record(
    server: Server, browser: Browser, size: str, reloaded: bool
) -> None:
    company = f"Lost on the way {size} {reloaded}"
    written = []

    def cut(route: Any) -> None:
        if route.request.method == "POST" and len(written) < 2:
            # The server gets it and answers; the answer never arrives.
            written.append(route.fetch(max_redirects=0).status)
            route.abort("connectionreset")
        else:
            route.continue_()

    with window(server, browser, "sam", WIDTHS[size], CUT) as page:
        page.route("**/operations/CaptureLead/", cut)
        page.goto("/apps/LeadRegistration/operations/CaptureLead/")
        page.get_by_label("Company").fill(company)
        page.get_by_label("Last name").fill("Byron")
        more(page)
        page.get_by_label("Rating").select_option("Hot")
        page.get_by_label("Callback requested").check()
        page.get_by_label("Summary").fill("Two lines\nof it")
        page.get_by_role("button", name="Capture lead").click()
        notice = page.get_by_role("alert").filter(has_text="What you entered is kept here")
        notice.wait_for()
        look(page)
        if reloaded:
            page.reload()
            page.get_by_text("This is what you had entered when the connection was lost.").wait_for()
            assert page.get_by_label("Rating").input_value() == "Hot"
            assert page.get_by_label("Callback requested").is_checked()
            assert page.get_by_label("Summary").input_value() == "Two lines\nof it"
            look(page)
            page.get_by_role("button", name="Capture lead").click()
        page.get_by_role("button", name="Try now").click()
        page.get_by_text("You captured this lead.").wait_for()
        page.get_by_role("heading", name=company).wait_for()
        assert written == [204, 204]
        # What has arrived is forgotten: the next form is empty.
        page.goto("/apps/LeadRegistration/operations/CaptureLead/")
        assert page.get_by_label("Company").input_value() == ""
    assert [item["Company"] for item in poll(server)].count(company) == 1


def test_an_entry_that_is_thrown_away_is_gone(server: Server, browser: Browser) -> None:
    with window(server, browser, "sam", WIDTHS["desk"], CUT) as page:
        page.route(
            "**/operations/CaptureLead/",
            lambda route: route.abort("connectionreset") if route.request.method == "POST" else route.continue_(),
        )
        page.goto("/apps/LeadRegistration/operations/CaptureLead/")
        page.get_by_label("Company").fill("Never mind")
        page.get_by_role("button", name="Capture lead").click()
        page.get_by_role("button", name="Try now").wait_for()
        page.reload()
        page.get_by_role("button", name="Throw it away").click()
        page.get_by_role("button", name="Throw it away").wait_for(state="detached")
        assert page.get_by_label("Company").input_value() == ""


def test_an_earlier_version_and_a_deleted_lead_are_brought_back(page: Page) -> None:
    page.goto("/apps/LeadRegistration/views/ViewAllRecords/?sort=-RecordID")
    page.get_by_role("row").nth(9).get_by_role("link").click()
    name = page.get_by_role("heading", level=1).inner_text()
    value = page.get_by_label("Total value").input_value()
    page.get_by_label("Total value").fill("7654321")
    page.get_by_role("button", name="Update lead").click()
    page.get_by_text("You updated this lead.").wait_for()
    page.locator(".history li").nth(1).get_by_role("link", name="Restore").click()
    page.get_by_text("This field changes; everything else stays as it is.").wait_for()
    assert page.locator("del").inner_text() == "$7,654,321"
    look(page)
    page.get_by_role("button", name="Restore this version").click()
    page.get_by_text("You restored this version.").wait_for()
    assert page.get_by_label("Total value").input_value() == value
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete lead").click()
    page.get_by_text("You deleted this lead.").wait_for()
    assert page.get_by_role("paragraph").get_by_role("link", name="Deleted records").is_visible()
    page.locator("summary", has_text="More").click()
    page.locator("#more").get_by_role("link", name="Deleted records").click()
    page.get_by_role("heading", name="Deleted records").wait_for()
    look(page)
    page.get_by_role("link", name=f"Restore {name}").first.click()
    look(page)
    page.get_by_role("button", name="Bring it back").click()
    page.get_by_text("You brought this back.").wait_for()
    assert page.get_by_role("heading", level=1).inner_text() == name


def test_settings_are_kept(page: Page) -> None:
    page.goto("/settings/")
    look(page)
    here = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    first = page.locator("select[name=time_zone] optgroup").first
    assert first.get_attribute("label") == "This device" and first.locator("option").get_attribute("value") == here
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_label("Light or dark").select_option("Dark")
    page.get_by_role("button", name="Save settings").click()
    page.get_by_text("Your settings are saved.").wait_for()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    look(page)
    page.get_by_label("Time zone").select_option("")
    page.get_by_role("button", name="Save settings").click()
    page.get_by_text("Your settings are saved.").wait_for()


def test_a_lead_is_deleted_after_a_question(page: Page) -> None:
    page.goto("/apps/LeadRegistration/views/ViewAllRecords/?sort=-RecordID")
    row = page.get_by_role("row").nth(6).get_by_role("link")
    address = row.get_attribute("href")
    row.click()
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Delete lead").click()
    assert page.url.endswith(str(address))
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete lead").click()
    page.get_by_text("You deleted this lead.").wait_for()
    assert page.url.endswith("/views/ViewAllRecords/")
    page.goto(str(address))
    assert page.get_by_role("button", name="Bring it back").is_visible(), "who may restore it is led to the way back"


def test_logging_out(page: Page) -> None:
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto("/")
    page.get_by_role("heading", name="Sign in").wait_for()


VISITS: dict[str, Any] = {
    "blueprint": 1,
    "app": {"name": "Visits", "label": "Site visits"},
    "fields": [
        {"name": "Title", "label": "What was seen", "type": "text", "required": True},
        {"name": "Owner", "label": "Owner", "type": "user"},
        {"name": "Place", "label": "Place", "type": "location"},
        {"name": "Before", "label": "Visit before", "type": "link", "app": "Visits"},
        {"name": "Photo", "label": "Photo", "type": "picture"},
        {"name": "Signed", "label": "Signature", "type": "signature"},
        {"name": "Report", "label": "Report", "type": "attachment", "help": "Any file, up to 7 MB."},
    ],
}
NAMES = [field["name"] for field in VISITS["fields"]]
VISITS |= {
    "operations": [
        {"name": "AddVisit", "label": "Add visit", "kind": "create", "fields": NAMES, "done": "added this visit"},
        {"name": "ChangeVisit", "label": "Save", "kind": "update", "fields": NAMES, "done": "changed this visit"},
    ],
    "views": [{"name": "All", "label": "All visits", "columns": NAMES}],
}


@pytest.fixture(scope="module")
def visits(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture to send, for an app that takes one; an admin may use every app."""
    folder = tmp_path_factory.mktemp("visits")
    blueprint = folder / "visits.json"
    blueprint.write_text(json.dumps(VISITS))
    command = [sys.executable, "manage.py", "import_blueprint", str(blueprint)]
    subprocess.run(command, cwd=settings.BASE_DIR, env=server.environ, check=True)
    picture = folder / "door.png"
    Image.new("RGB", (640, 480), "teal").save(picture)
    return picture


@pytest.mark.parametrize("size", WIDTHS)
def test_a_picture_is_sent_and_seen(server: Server, browser: Browser, visits: Path, size: str) -> None:
    with window(server, browser, "admin", WIDTHS[size]) as page:
        page.goto("/apps/Visits/operations/AddVisit/")
        more(page)
        page.get_by_label("Photo").set_input_files(visits)
        page.get_by_label("Owner").select_option("Sam Lowry")
        page.get_by_role("button", name="Use my position").click()
        page.get_by_text("Your position is filled in.").wait_for()
        assert page.get_by_label("Place").input_value() == "49.282700, -123.120700, 12"
        pad = page.locator("canvas")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 90, box["y"] + 60, steps=5)
        page.mouse.up()
        # The pad makes its file in its own time, and the page's policy forbids to wait for it by a script.
        chosen = page.get_by_label("Signature")
        for _ in range(100):
            if chosen.input_value():
                break
            page.wait_for_timeout(50)
        assert chosen.input_value().endswith("signature.png")
        look(page)
        page.get_by_role("button", name="Add visit").click()
        # Nothing of what was chosen is lost while the rest is corrected.
        page.get_by_text("What was seen is required: give it a value.").wait_for()
        assert page.get_by_text("not saved yet").count() == 2
        look(page)
        page.get_by_label("What was seen").fill(f"A door, {size}")
        page.get_by_role("button", name="Add visit").click()
        page.get_by_text("You added this visit.").wait_for()
        thumbs = page.locator("img.thumb")
        assert thumbs.count() == 2
        for thumb, width in zip(thumbs.all(), (640, 600), strict=True):
            thumb.scroll_into_view_if_needed()
            assert thumb.evaluate("thumb => thumb.decode().then(() => thumb.naturalWidth)") == width
        look(page)
        page.get_by_label("Remove").first.check()
        page.get_by_label("Visit before").select_option(f"A door, {size}")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("You changed this visit.").wait_for()
        assert page.locator("img.thumb").count() == 1
        assert page.locator(".history li").first.locator("del").inner_text() == "door.png"
        page.goto("/apps/Visits/views/All/")
        assert page.get_by_role("link", name=f"A door, {size}").count() == 2
        look(page)
