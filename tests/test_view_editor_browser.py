"""The page of a view in a real browser: by mouse, by keyboard alone, and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.conftest import Server

DESK, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""
# What a control is called for who cannot see it.
NAME = """element => element.getAttribute("aria-label")
  || [...(element.labels || [])].map(label => label.textContent).join(" ").trim()
  || element.textContent.replace(/\\s+/g, " ").trim()"""


def opened(server: Server, browser: Browser, complaints: list[str], size: Any, **more: Any) -> Page:
    """The page of Hot leads, for somebody who may configure; what it complains of is added to `complaints`."""
    context = browser.new_context(base_url=server.url, viewport=size, **more)
    context.set_default_timeout(20_000)
    context.add_init_script(LISTEN)
    page = context.new_page()
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/login/?next=/admin/apps/1/views/HotLeads/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Hot leads").wait_for()
    return page


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Page]:
    """The page of a view with no draft. Whatever it complains of fails the test."""
    complaints: list[str] = []
    page = opened(server, browser, complaints, request.param)
    yield page
    complaints += page.evaluate("window.violations")
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.goto("/admin/apps/1/publish/")
    if (button := page.get_by_role("button", name="Discard")).count():
        page.on("dialog", lambda dialog: dialog.accept())
        button.first.click()
        page.wait_for_load_state()
    page.context.close()
    assert complaints == [] and too_wide <= 0


def says(page: Page, words: str) -> None:
    """Waits until the sentence says this."""
    page.locator("#sentence", has_text=words).wait_for()


def focused(page: Page) -> str:
    """The id of the control that has the focus."""
    return str(page.evaluate("document.activeElement.id"))


def test_a_filter_by_mouse(page: Page) -> None:
    says(page, "Records where Rating is Hot, sorted by Total value")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 2: field").select_option("First contact")
    page.get_by_label("Condition 2: comparison").select_option("is within the last …")
    says(page, "Rating is Hot and First contact is within the last 30 days, sorted")
    page.get_by_label("Condition 2: value").fill("365")
    says(page, "is within the last 365 days")
    page.get_by_label("How the conditions are joined").select_option("or")
    says(page, "Rating is Hot or First contact is within")
    page.get_by_role("button", name="Condition 1: make a group of it").click()
    page.get_by_role("group", name="Group 1").wait_for()
    page.get_by_label("Condition 2: field").select_option("Industry")
    page.get_by_text("1 condition is not finished and does not count.").wait_for()
    says(page, "Records where (Rating is Hot) or First contact")
    page.get_by_label("Condition 2: comparison").select_option("is any of")
    page.get_by_label("Energy").check()
    page.get_by_label("Mining").check()
    says(page, "(Rating is Hot and Industry is any of Energy or Mining) or First contact is within the last 365 days")
    page.get_by_role("button", name="Condition 3: remove").click()
    says(page, "Records where (Rating is Hot and Industry is any of Energy or Mining), sorted")
    page.get_by_role("button", name="Save to draft").click()
    page.get_by_text("Hot leads is saved in the draft.").wait_for()
    page.reload()
    says(page, "Records where (Rating is Hot and Industry is any of Energy or Mining), sorted")
    page.get_by_text("Everything here is saved.").wait_for()


def test_the_same_by_keyboard_alone(page: Page) -> None:
    keyboard = page.keyboard

    def go(name: str, key: str = "Tab") -> None:
        for _step in range(150):
            if name in page.evaluate(f"({NAME})(document.activeElement)"):
                return
            keyboard.press(key)
        raise AssertionError(f"the Tab key never reaches {name}")

    go("Condition 1: value")
    keyboard.press("W")
    says(page, "Rating is Warm")
    assert focused(page) == "c1-value", "the focus stays with what was changed"
    go("Add a condition")
    keyboard.press("Enter")
    page.locator("#c2-field:focus").wait_for()
    keyboard.type("Comp")
    go("Condition 2: comparison")
    keyboard.type("cont")
    go("Condition 2: value")
    keyboard.type("a")
    says(page, "Rating is Warm and Company contains a, sorted")
    with page.expect_response(lambda response: response.request.method == "POST"):
        keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.locator(".condition").count() == 2, "Enter presses none of the buttons"
    keyboard.type("e")
    says(page, "Company contains ae")
    assert page.get_by_label("Condition 2: value").input_value() == "ae"
    go("Condition 2: ask the reader")
    keyboard.press("Space")
    says(page, "Company contains the parameter Company")
    go("Move Last name up")
    keyboard.press("Enter")
    page.locator("#chosen li:nth-child(2)", has_text="Last name").wait_for()
    keyboard.press("Enter")
    page.locator("#chosen li:nth-child(1)", has_text="Last name").wait_for()
    page.locator("#down-LastName:focus").wait_for()
    go("Save to draft")
    keyboard.press("Enter")
    page.get_by_text("Hot leads is saved in the draft.").wait_for()
    assert page.locator("#chosen .name").first.inner_text() == "Last name"


def test_who_is_quicker_than_the_answer_sees_what_it_says(page: Page) -> None:
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 2: field").select_option("First contact")
    page.locator("input[type=date]").wait_for()
    page.get_by_label("Condition 2: comparison").select_option("is within the last …")
    page.get_by_label("Condition 2: value").focus()
    says(page, "First contact is within the last 30 days")
    assert page.get_by_label("Condition 2: value").input_value() == "30"


def test_columns_are_dragged_and_picked(page: Page) -> None:
    if (page.viewport_size or DESK)["width"] > 1000:
        page.locator("#column-Rating").drag_to(page.locator("#column-Company"), target_position={"x": 60, "y": 3})
        page.locator("#preview th").first.get_by_text("Rating").wait_for()
        assert page.locator("#chosen .name").first.inner_text() == "Rating"
    page.get_by_role("button", name="Show Industry").click()
    page.locator("#chosen li:last-child", has_text="Industry").wait_for()
    page.locator("#add-EmployeeCount:focus").wait_for()
    page.get_by_role("button", name="Take Company away").click()
    page.get_by_role("button", name="Show Company").wait_for()
    page.get_by_label("Sort key 1", exact=True).select_option("Company")
    says(page, "sorted by Company, descending.")
    page.get_by_label("Direction of sort key 1").select_option("A to Z")
    says(page, "sorted by Company.")


def test_what_is_chosen_while_an_answer_is_on_its_way_is_not_lost(page: Page) -> None:
    def slowly(route: Route) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/views/HotLeads/", slowly)
    page.get_by_label("Condition 1: comparison").select_option("is any of")
    page.get_by_label("Cold").wait_for()
    for choice in ("Cold", "Warm"):
        page.get_by_label(choice).check()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("button", name="Move Company down").dblclick()
    page.get_by_role("button", name="Take Summary away").click()
    says(page, "Rating is any of Hot, Warm or Cold")
    page.locator(".condition").nth(1).wait_for()
    page.locator("#chosen li:nth-child(3)", has_text="Company").wait_for()
    page.get_by_role("button", name="Show Summary").wait_for()
    page.get_by_role("button", name="Condition 2: remove").click()
    page.get_by_role("button", name="Save to draft").click()
    page.get_by_text("Hot leads is saved in the draft.").wait_for()
    page.unroute("**/views/HotLeads/")


def test_a_tab_walk_reaches_every_control_by_name(page: Page) -> None:
    page.get_by_role("button", name="Condition 1: make a group of it").click()
    page.get_by_role("group", name="Group 1").wait_for()
    page.get_by_label("Condition 2: field").select_option("Total value")
    page.get_by_label("Condition 2: value").wait_for()
    wanted = page.locator(
        "#view-form :is(input:not([type=hidden]), select, textarea, button:not([tabindex])):enabled"
    ).evaluate_all(f"all => all.map({NAME})")
    assert "" not in wanted and len(wanted) > 40
    page.locator("#c1-field").focus()
    page.keyboard.press("Shift+Tab")
    met = set()
    for _step in range(len(wanted) + 20):
        page.keyboard.press("Tab")
        met.add(page.evaluate(f"({NAME})(document.activeElement)"))
    assert set(wanted) <= met, set(wanted) - met


def test_the_form_needs_no_script(server: Server, browser: Browser) -> None:
    page = opened(server, browser, [], PHONE, java_script_enabled=False)
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 2: field").select_option("Callback requested")
    page.get_by_label("Label").first.press("Enter")
    page.get_by_label("Condition 2: value").select_option("No")
    page.get_by_label("Condition 2: value").press("Tab")
    page.get_by_role("button", name="Add a condition").click()
    says(page, "Rating is Hot and Callback requested is No, sorted")
    page.get_by_role("button", name="Condition 3: remove").click()
    assert page.locator(".condition").count() == 2
    page.context.close()


def test_a_server_that_is_away_is_said_and_nothing_typed_is_lost(server: Server, browser: Browser) -> None:
    page = opened(server, browser, [], DESK)
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 2: field").select_option("Company")
    page.get_by_label("Condition 2: value").wait_for()
    page.context.set_offline(True)
    page.get_by_label("Condition 2: value").fill("solar")
    page.get_by_text("The server did not answer").wait_for()
    page.context.set_offline(False)
    page.get_by_role("button", name="Add a condition").click()
    says(page, "Company is solar")
    page.get_by_text("The server did not answer").wait_for(state="hidden")
    assert page.locator(".condition").count() == 3
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Condition 3: remove").click()
    page.get_by_role("button", name="Sign in").wait_for()
    page.context.close()


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_stays_in_sight_on_a_phone_is_one_row(server: Server, browser: Browser, language: str) -> None:
    page = opened(server, browser, [], PHONE)
    page.set_extra_http_headers({"Accept-Language": language})
    page.reload()
    assert page.locator("html").get_attribute("lang") == language
    foot = page.locator(".view-editor > .foot")

    def is_one_row() -> None:
        box = foot.bounding_box()
        assert box and box["height"] <= 64, foot.inner_text()
        for part in foot.locator("> *:visible").all():
            assert part.evaluate("part => part.scrollWidth - part.clientWidth") <= 0, part.inner_text()

    is_one_row()
    page.locator("#label").fill("Hot leads of this week")
    page.locator("#state .chip").wait_for()
    is_one_row()
    page.locator(".adding button").first.click()
    page.locator(".condition").nth(1).wait_for()
    page.locator("#state:not(:has(.chip))").wait_for()
    is_one_row()
    page.context.close()
