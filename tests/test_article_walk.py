"""The article's whole walk in a real browser: from "create the integration user" to "update a lead, see the next poll".

It is taken twice, by the mouse alone and by the keyboard alone. No address is typed after that of the login page.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.conf import settings

from tests.test_configure_browser import DESK

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.conftest import Server

# The demo opens all of itself to REST: this leaves the app, its records and its people, and nothing of that.
CLOSED = """
from flowfinity.models import Role, User, configuring
from integration.models import RestAccess, Surface
with configuring():
    RestAccess.objects.all().delete()
    Surface.objects.update(query_enabled=False, execute_enabled=False)
    User.objects.filter(account_type=User.INTEGRATION).delete()
    Role.objects.exclude(name="Sales").delete()
"""
SECRET = "a lead a day 2026"
# More than any page of the walk has controls in a row.
TABS = 150
FOCUSED = """() => {
  const at = document.activeElement;
  const words = at.ariaLabel || at.labels?.[0]?.innerText || at.innerText || at.name || "";
  return `${at.tagName.toLowerCase()} ${words}`.trim().slice(0, 60);
}"""


class Mouse:
    """A hand on the mouse; it types only into inputs that it has clicked. `done` counts its clicks."""

    unit = "clicks"

    def __init__(self, page: Page) -> None:
        self.page, self.done = page, 0

    def press(self, control: Locator) -> None:
        """Follows a link, presses a button, ticks a box."""
        control.click()
        self.done += 1

    def write(self, control: Locator, text: str) -> None:
        """Puts a text in the place of what an input holds."""
        self.press(control)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, control: Locator, option: str) -> None:
        """Chooses from a list. The open list belongs to the system, so it is chosen from for the mouse: two clicks."""
        control.select_option(label=option)
        self.done += 2


class Keys:
    """Ten fingers and no mouse. `done` counts the keys that were pressed to get to a control and to use it."""

    unit = "keys, and what was typed"

    def __init__(self, page: Page) -> None:
        self.page, self.done = page, 0

    def key(self, name: str) -> None:
        self.page.keyboard.press(name)
        self.done += 1

    def reach(self, control: Locator) -> None:
        """Tabs, towards where it is, until the control has the focus; fails with all that had it instead."""
        control.wait_for()
        if self.page.evaluate("document.activeElement === document.body"):
            self.key("Tab")
            if self.page.evaluate(FOCUSED).startswith("a Skip to") and control.evaluate("node => node.closest('main')"):
                self.key("Enter")
        behind = "node => document.activeElement.compareDocumentPosition(node) === Node.DOCUMENT_POSITION_PRECEDING"
        way = "Shift+Tab" if control.evaluate(behind) else "Tab"
        seen: list[str] = []
        while not focused(control):
            assert len(seen) < TABS, f"{control} is not reached on {self.page.url} by {way}, but: {seen}"
            self.key(way)
            seen.append(self.page.evaluate(FOCUSED))

    def press(self, control: Locator) -> None:
        """Follows a link, presses a button, ticks a box."""
        self.reach(control)
        self.key("Space" if control.evaluate("node => node.type === 'checkbox'") else "Enter")

    def write(self, control: Locator, text: str) -> None:
        """Puts a text in the place of what an input holds."""
        self.reach(control)
        self.key("Control+A")
        self.page.keyboard.type(text)

    def choose(self, control: Locator, option: str) -> None:
        """Chooses from a list by the arrows."""
        self.reach(control)
        for _ in range(control.locator("option").count()):
            if control.locator("option:checked").inner_text() == option:
                return
            self.key("ArrowDown")
        raise AssertionError(f"{option} is not come by with the arrows")


def focused(control: Locator) -> bool:
    return bool(control.evaluate("node => node === document.activeElement"))


@pytest.fixture
def page(server: Server, browser: Browser) -> Iterator[Page]:
    """A window at the login page, where nothing is open to REST. Whatever it complains of fails the test."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", CLOSED],
        cwd=settings.BASE_DIR,
        env={**os.environ, **server.environ},
        check=True,
        capture_output=True,
    )
    complaints: list[str] = []
    context = browser.new_context(
        base_url=server.url,
        viewport=DESK,  # type: ignore[arg-type]
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on(
        "console",
        lambda message: complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.goto("/login/")
    yield page
    context.close()
    assert complaints == []


def ticks(page: Page) -> dict[str, bool]:
    """The steps of the checklist that is shown, by title: whether each is done."""
    steps = page.locator("ul.checks > li").evaluate_all(
        "steps => steps.map((step) => [step.querySelector('strong').innerText, step.matches('.done')])"
    )
    return dict(steps)


def poll(address: str) -> list[dict[str, Any]]:
    """What Zapier gets at an address, with the account of the walk."""
    answer = requests.get(address, auth=("zapier", SECRET), headers={"User-Agent": "Zapier"}, timeout=20)
    assert answer.status_code == 200, answer.text
    records: list[dict[str, Any]] = answer.json()
    return records


@pytest.mark.parametrize(("hand", "value"), [(Mouse, 72_500), (Keys, 81_000)], ids=["mouse", "keyboard"])
def test_from_the_integration_user_to_the_next_poll(
    server: Server, page: Page, hand: type[Mouse] | type[Keys], value: int
) -> None:
    person = hand(page)

    def press(role: Any, name: str, within: Any = page, exact: bool = True) -> None:
        """Uses a control that leaves the page as it is."""
        person.press(within.get_by_role(role, name=name, exact=exact).first)

    def go(role: Any, name: str, within: Any = page, exact: bool = True) -> None:
        """Uses a control that leads to another page, or back to this one."""
        with page.expect_event("load"):
            press(role, name, within, exact)

    def section(name: str) -> None:
        go("link", name, page.get_by_role("navigation", name="Main"))
        page.get_by_role("heading", name=name, exact=True, level=1).wait_for()

    def menu(name: str) -> None:
        person.press(page.locator("details.menu summary").filter(has_text="AL"))
        go("link", name)

    def write(name: str, text: str) -> None:
        person.write(page.get_by_role("textbox", name=name, exact=True), text)

    def says(text: str) -> None:
        page.get_by_text(text).first.wait_for()

    write("Username", "admin")
    write("Password", server.password)
    go("button", "Sign in")
    says("Your apps")
    menu("Configure")
    assert ticks(page) == {
        "An app": True,
        "People with a role": True,
        "An integration account": False,
        "The switches": False,
        "A view or operation for REST": False,
        "A first poll": False,
    }

    # An account for Zapier, which can do nothing yet.
    section("Users")
    go("link", "Add user")
    write("Username", "zapier")
    person.choose(page.get_by_label("Account type"), "Integration user (REST only): Zapier or another program")
    write("Password", SECRET)
    write("Password confirmation", SECRET)
    go("button", "Save")
    says("zapier has no roles as yet, so it gets 404 from every view, operation and feed")

    # A role for it, and what that may use.
    section("Apps")
    go("link", "Lead Registration")
    go("link", "Roles", page.get_by_role("navigation", name="Parts of Lead Registration"))
    go("link", "Add a role")
    write("Name", "Outside")
    go("button", "Save")
    says("was added successfully")
    go("link", "Lead Registration")
    press("checkbox", "Outside may see View all records")
    press("checkbox", "Outside may run Update lead")
    go("button", "Save")
    says("Outside may now use")
    section("Users")
    go("link", "zapier")
    press("checkbox", "Outside (1 view, 1 operation)")
    go("button", "Save")
    says("was changed successfully")

    # What of the app is open to it.
    section("REST Integration")
    says("zapier: active, with a role")
    expected = {"Integration account": True, "Switches": False, "Operations": False, "Views": False}
    assert ticks(page) == expected
    for switch, step in (
        ("Query()", None),
        ("Execute()", "Switches"),
        ("for REST: View all records", "Views"),
        ("for REST: Update lead", "Operations"),
    ):
        go("switch", switch, exact=False)
        assert page.get_by_role("switch", name=switch).is_checked()
        if step:
            expected[step] = True
        assert ticks(page) == expected

    # What Zapier would get, and what it gets at the address that was copied.
    go("link", "Details of View all records", exact=False)
    press("button", "Copy the address")
    says("Copied")
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == f"{server.url}/api/apps/LeadRegistration/views/ViewAllRecords"
    go("button", "Show what Zapier would get now")
    promised = page.get_by_role("region", name="What Zapier would get now").locator(".stats strong").all_inner_texts()
    first = poll(address)
    assert [str(len(first)), str(first[0]["id"])] == [promised[0], promised[2]]

    # A lead turns out to be worth more.
    menu("Back to the workspace")
    go("link", "View all records", exact=False)
    lead = page.get_by_role("table").locator("tbody").get_by_role("link").first
    company = lead.inner_text()
    with page.expect_event("load"):
        person.press(lead)
    write("Total value ($)", str(value))
    go("button", "Update lead")
    latest = page.get_by_role("complementary", name="History").get_by_role("listitem").first
    assert "Ada Lindqvist updated this lead" in latest.inner_text()
    assert f"${value:,}" in latest.inner_text()

    second = poll(address)
    assert {one["id"] for one in second} - {one["id"] for one in first} == {second[0]["id"]}
    assert (second[0]["Company"], second[0]["TotalValue"]) == (company, str(value))

    print(f"{person.done} {person.unit}")

    # Configure knows of both polls, and of nothing that is still to be done.
    menu("Configure")
    assert all(ticks(page).values())
    section("REST Integration")
    assert all(ticks(page).values())
    go("link", "Details of View all records", exact=False)
    polls = page.get_by_role("region", name="Last polls of zapier").get_by_role("row").all_inner_texts()[1:]
    assert [shown.split("\t")[-1] for shown in polls] == ["something new", "nothing new"]
