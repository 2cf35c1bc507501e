"""Catch-up as an admin does it, in a real browser: choose, look at what it would do, send it again, see it sent."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.receiver import Receiver, receiving
from tests.test_browser import WIDTHS, look, window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import Server

LEADS = "/api/apps/LeadRegistration"
CATCH_UP = "/admin/integration/catch-up/"
# One for each width, so that neither finds what the other has left.
RECORDS = {1400: "000000170", 390: "000000181"}


@pytest.fixture(scope="module", autouse=True)
def here(server: Server) -> None:
    """Lets hooks be sent to this machine."""
    server.restart(HOOKS_ALLOW_PRIVATE="1")


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Page]:
    """A window in which Ada has logged in. Whatever it complains of fails the test."""
    with window(server, browser, "admin", WIDTHS[request.param]) as page:
        yield page


def call(server: Server, path: str, body: Any = None) -> Any:
    """What the API answers to restuser, as Zapier calls."""
    answer = requests.request(
        "GET" if body is None else "POST",
        server.url + LEADS + path,
        auth=("restuser", server.password),
        headers={"User-Agent": "Zapier"},
        json=body,
        timeout=20,
    )
    assert answer.ok, answer.text
    return answer.json()


def changed(server: Server, page: Page, summary: str) -> tuple[str, int]:
    """The lead of this width, changed once more, and the number of the submission."""
    assert page.viewport_size is not None
    record = RECORDS[page.viewport_size["width"]]
    answer = call(server, "/operations/UpdateLead", {"RecordID": record, "Summary": summary})
    return record, answer["lastSubmissionID"]


def newest(server: Server, record: str) -> int:
    """The id under which a poll shows the record."""
    [found] = [one["id"] for one in call(server, "/views/ViewAllRecords") if one["RecordID"] == record]
    return int(found)


def arrived(receiver: Receiver, count: int) -> None:
    """Returns when so many deliveries have come in."""
    deadline = time.monotonic() + 60
    while len(receiver.received) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(receiver.received) == count


def test_what_was_missed_is_chosen_looked_at_and_sent_again(server: Server, page: Page) -> None:
    call(server, "/views/ViewAllRecords?client=crm")
    record, number = changed(server, page, "Before it was missed")
    assert newest(server, record) == number
    page.goto(CATCH_UP)
    page.get_by_role("heading", name="What is to be sent again?").wait_for()
    page.get_by_role("heading", name="Between two submissions").click()
    form = page.get_by_role("form", name="Between two submissions")
    form.get_by_label("From submission").fill(str(number))
    form.get_by_label("To submission").fill(str(number - 1))
    form.get_by_role("button", name="Preview").click()
    page.get_by_text("This is before the first.").wait_for()
    assert form.get_by_label("To submission").get_attribute("aria-invalid") == "true", "its way is still open"
    form.get_by_label("To submission").fill(str(number))
    form.get_by_role("button", name="Preview").click()

    page.get_by_role("heading", name="1 record would be sent again").wait_for()
    look(page)
    fires = page.get_by_role("row").filter(has_text="View all records")
    assert "restuser (crm)" in fires.inner_text() and re.search(r"\b1\b", fires.inner_text())
    assert page.get_by_role("form", name="All that has changed since").count() == 0, "one way is enough now"
    assert newest(server, record) == number, "a preview sends nothing"

    page.get_by_role("button", name="Send 1 record again").click()
    page.get_by_text("1 record is being sent again.").wait_for()
    look(page)
    page.get_by_role("link", name="Catch-up of 1 record of Lead Registration").first.click()
    page.get_by_text("Done", exact=True).first.wait_for()
    assert newest(server, record) > number, "a Zap sees it as new"
    page.goto(f"/apps/LeadRegistration/records/{record}/")
    history = page.locator(".history li").first.inner_text()
    assert "Ada Lindqvist" in history and "sent this again" in history


def test_a_hooks_place_is_moved_back_and_it_alone_is_sent_what_came_after(server: Server, page: Page) -> None:
    with receiving() as receiver:
        call(server, "/views/ViewAllRecords/hooks", {"targetUrl": receiver.url})
        record, number = changed(server, page, "Lost by its receiver")
        arrived(receiver, 1)
        page.goto(CATCH_UP)
        page.get_by_role("heading", name="For a hook").click()
        page.get_by_role("link").filter(has_text=receiver.url).click()
        page.get_by_label("Submission").fill(str(10**9))
        page.get_by_role("button", name="Preview").click()
        page.get_by_text("below its place").wait_for()
        page.get_by_label("Submission").fill(str(number - 1))
        page.get_by_role("button", name="Preview").click()
        page.get_by_role("heading", name="1 submission would be sent").wait_for()
        page.get_by_text("1 of them was sent before").wait_for()
        look(page)
        assert len(receiver.received) == 1, "a preview sends nothing"
        page.get_by_role("button", name=f"Move its place back to {number - 1}").click()
        page.get_by_text(f"Its place is {number - 1}: what comes after it is sent again.").wait_for()
        arrived(receiver, 2)
        first, again = receiver.received
        assert again.item["RecordID"] == record and again.headers["webhook-id"] == first.headers["webhook-id"]
        assert newest(server, record) == number, "nobody else is told"
