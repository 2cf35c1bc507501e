"""A person's day in a real browser against the real server: browse, open, change, capture; then the poll sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

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
    width, height = WIDTHS[request.param]
    context = browser.new_context(base_url=server.url, viewport={"width": width, "height": height})
    context.set_default_timeout(20_000)
    context.add_init_script(LISTEN)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Username").fill("sam")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Your apps").wait_for()
    yield page
    context.close()
    assert complaints == []


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
    if not filter_.is_visible():
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
    page.get_by_role("link", name="Clear the filter").click()
    page.wait_for_url("**/SearchLeads/")


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
    assert page.request.get(str(address)).status == 404


def test_logging_out(page: Page) -> None:
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto("/")
    page.get_by_role("heading", name="Sign in").wait_for()
