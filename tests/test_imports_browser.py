"""Importing a file in a real browser: the preview follows what is chosen, the progress moves by itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.test_browser import WIDTHS, look, window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import Server


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Page]:
    with window(server, browser, "sam", WIDTHS[request.param]) as page:
        yield page


def test_a_person_imports_a_file_and_watches_it(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "harbours.csv"
    lines = [
        ["Company", "Surname", "First contact"],
        *([f"Harbour {one}", "Okafor", "31/12/2025"] for one in range(60)),
    ]
    lines.append(["", "Okafor", "31/12/2025"])
    with file.open("w", newline="") as written:
        csv.writer(written).writerows(lines)
    page.goto("/apps/LeadRegistration/import/")
    look(page)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Look at the file").click()
    page.get_by_text("Choose the column that holds “Last name”.").wait_for()
    look(page)
    # The preview alone changes: where one is on the page stays.
    page.get_by_label("Surname").focus()
    page.get_by_label("Surname").select_option(label="Last name *")
    page.get_by_text("1 of 61 rows cannot be imported.").wait_for()
    assert page.get_by_role("cell", name="31 Dec 2025").count() == 6
    assert page.evaluate("document.activeElement.name") == "column-1"
    page.get_by_label("Dates are written").select_option("mdy")
    page.get_by_text("61 of 61 rows cannot be imported.").wait_for()
    page.get_by_label("Dates are written").select_option("dmy")
    page.get_by_role("button", name="Import 60 rows").click()
    # Without a click: it reloads itself when it is done.
    page.get_by_role("link", name="Download the rows that failed").wait_for()
    assert "100%" in page.get_by_label("Progress").inner_text()
    look(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows that failed").click()
    kept = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert len(kept) == 1 and "Company is required" in kept[0]["Error"]
    page.goto("/jobs/")
    page.get_by_role("link", name="harbours.csv").first.wait_for()
    look(page)


def test_a_file_is_imported_by_keyboard_alone(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "typed.csv"
    file.write_text("Company,Last name\nTyped,Okafor\n")
    page.goto("/apps/LeadRegistration/import/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("File").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Every row has been checked").wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Import 1 row":
            break
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Open Lead Registration").wait_for()


def test_it_works_without_scripts(server: Server, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "plain.csv"
    file.write_text("Company,Surname\nPlain,Okafor\n")
    with window(server, browser, "sam", WIDTHS["desk"], java_script_enabled=False) as page:
        page.goto("/apps/LeadRegistration/import/")
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Look at the file").click()
        page.get_by_label("Surname").select_option(label="Last name *")
        page.locator("form .foot.no-js button").click()
        page.get_by_role("button", name="Import 1 row").click()
        page.get_by_role("heading", name="plain.csv").wait_for()
        page.get_by_role("link", name="Open Lead Registration").wait_for()
