"""The admin's tour in a real browser: what is changed in Configure counts at a client's very next request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import Server

DESK, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
REST = "/admin/integration/rest/"
VIEW = "/api/apps/LeadRegistration/views/ViewAllRecords"
# What the page says of itself when something is wrong with it: scripts, styles or the security policy.
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


def signed_in(server: Server, browser: Browser, complaints: list[str], size: Any) -> Page:
    """A window in which Ada, who may configure, has logged in; what it complains of is added to `complaints`."""
    context = browser.new_context(base_url=server.url, viewport=size)
    context.set_default_timeout(20_000)
    context.add_init_script(LISTEN)
    page = context.new_page()
    page.on(
        "console",
        lambda message: complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.goto("/login/?next=/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Configure", exact=True).wait_for()
    return page


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Page]:
    """A window in which Ada has logged in. Whatever it complains of fails the test."""
    complaints: list[str] = []
    page = signed_in(server, browser, complaints, request.param)
    yield page
    page.context.close()
    assert complaints == []


def get(server: Server, path: str = VIEW, password: str = "", username: str = "restuser") -> requests.Response:
    """An address as Zapier asks for it."""
    return requests.get(
        server.url + path,
        auth=(username, password or server.password),
        headers={"User-Agent": "Zapier"},
        timeout=20,
    )


def refusal(response: requests.Response) -> tuple[int, str]:
    """The status and code of an error."""
    return response.status_code, response.json()["error"]["code"]


def throw(page: Page, name: str, on: bool) -> None:
    """Throws a switch, which sends its form, and finds it as it was thrown."""
    with page.expect_navigation():
        page.get_by_role("switch", name=name).click()
    assert page.get_by_role("switch", name=name).is_checked() is on


def test_a_view_is_disabled_and_enabled_again(server: Server, page: Page) -> None:
    assert get(server).status_code == 200
    page.goto(REST)
    page.get_by_role("link", name="Details of View all records").click()
    throw(page, "for REST: View all records", on=False)
    page.get_by_text("This view is not enabled.").wait_for()
    assert refusal(get(server)) == (404, "not_found")
    page.goto(REST)
    page.get_by_text("The view ViewAllRecords of LeadRegistration is not enabled for REST.").first.wait_for()
    throw(page, "for REST: View all records", on=True)
    assert get(server).status_code == 200


def test_a_shorter_lookback_makes_the_next_poll_shorter(server: Server, page: Page) -> None:
    week = get(server).json()
    page.goto(REST)
    page.get_by_label("Lookback period in days").fill("1")
    page.get_by_role("button", name="Save the lookback").click()
    page.get_by_text("The site looks back 1 day.").wait_for()
    day = get(server).json()
    assert 0 < len(day) < len(week) and day == week[: len(day)]
    page.get_by_label("Lookback period in days").fill("7")
    page.get_by_role("button", name="Save the lookback").click()
    page.get_by_text("The site looks back 7 days.").wait_for()
    assert get(server).json() == day, "widening takes effect forward"
    page.get_by_label("Also show the").check()
    page.get_by_role("button", name="Save the lookback").click()
    page.get_by_text("Also show the").wait_for(state="detached")
    assert get(server).json() == week


def test_the_switches_of_the_site(server: Server, page: Page) -> None:
    page.goto(REST)
    throw(page, "Query()", on=False)
    assert refusal(get(server)) == (403, "surface_disabled")
    assert get(server, "/api").json()["Query"] is False
    throw(page, "Query()", on=True)
    assert get(server).status_code == 200


def test_what_the_grid_takes_is_404_and_comes_back(server: Server, page: Page) -> None:
    page.goto("/admin/apps/")
    page.get_by_role("link", name="Lead Registration").click()
    page.get_by_label("Parts of Lead Registration").get_by_role("link", name="Roles").click()
    box = page.get_by_label("Integration may see View all records")
    box.uncheck()
    page.get_by_label("Integration may see Submissions feed").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Integration may no longer use").wait_for()
    assert refusal(get(server)) == (404, "not_found")
    assert refusal(get(server, "/api/apps/LeadRegistration/submissions")) == (404, "not_found")
    assert get(server, "/api/apps/LeadRegistration/views/HotLeads").status_code == 200
    box.check()
    page.get_by_label("Integration may see Submissions feed").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Integration may now use").wait_for()
    assert get(server).status_code == 200
    assert get(server, "/api/apps/LeadRegistration/submissions?limit=1").json()[0]["SubmissionID"] == 1


def test_a_role_stays_in_sight_while_its_grid_scrolls(page: Page) -> None:
    page.goto("/admin/apps/")
    page.get_by_role("link", name="Lead Registration").click()
    page.get_by_label("Parts of Lead Registration").get_by_role("link", name="Roles").click()
    role = page.get_by_role("rowheader", name="Integration").first
    before = role.bounding_box()
    page.get_by_role("region", name="Views").evaluate("box => box.scrollLeft = 1000")
    assert role.bounding_box() == before
    page.get_by_label("Sales may see Submissions feed").click(trial=True)


def test_an_account_is_deactivated_and_activated_again(server: Server, page: Page) -> None:
    page.goto("/admin/flowfinity/user/")
    page.get_by_role("link", name="restuser").click()
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Integration user (REST only), not active").wait_for()
    assert refusal(get(server)) == (403, "not_active")
    page.get_by_role("link", name="restuser").first.click()
    page.get_by_label("Active").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()
    assert get(server).status_code == 200


def test_a_changed_password_counts_at_once(server: Server, page: Page) -> None:
    def change(password: str) -> None:
        page.goto("/admin/flowfinity/user/")
        page.get_by_role("link", name="restuser").click()
        page.get_by_role("link", name="Reset password").click()
        page.get_by_label("Password:", exact=True).fill(password)
        page.get_by_label("Password confirmation:").fill(password)
        page.get_by_role("button", name="Change password").click()
        page.get_by_text("Password changed successfully.").wait_for()

    assert get(server).status_code == 200
    change("another horse battery")
    assert refusal(get(server)) == (401, "not_authenticated")
    assert get(server, password="another horse battery").status_code == 200
    change(server.password)
    assert get(server).status_code == 200


def test_a_new_integration_account_gets_404_until_it_has_a_role(server: Server, page: Page) -> None:
    name, secret = f"zap{(page.viewport_size or DESK)['width']}", "yet another horse"
    page.goto(REST)
    page.get_by_role("link", name="Add an account").click()
    page.get_by_text("an integration user gets 404 from every view, operation and feed").wait_for()
    page.get_by_label("Username").fill(name)
    page.get_by_role("textbox", name="Password", exact=True).fill(secret)
    page.get_by_label("Password confirmation").fill(secret)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("has no roles as yet, so it gets 404").wait_for()
    assert get(server, "/api", secret, name).status_code == 200
    assert get(server, "/api/apps", secret, name).json() == []
    assert refusal(get(server, VIEW, secret, name)) == (404, "not_found")
    page.get_by_label("Integration (4 views, 3 operations, 1 feed)").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()
    assert get(server, VIEW, secret, name).status_code == 200


def test_every_page_of_configure_keeps_to_its_width_and_policy(server: Server, browser: Browser) -> None:
    """One page of each kind, found by following links; each at both widths and in both themes."""
    get(server, "/api/apps/LeadRegistration/views/Nothing")  # A refused call, to look at.
    complaints: list[str] = []
    page = signed_in(server, browser, complaints, DESK)
    waiting, seen = ["/admin/"], set[str]()
    while waiting:
        url = waiting.pop()
        # Of all fields, say, one: their names start with a capital letter, as those of no page do.
        kind = re.sub(r"\d+|(?<=/)[A-Z]\w*(?=/)", "N", url.partition("?")[0])
        if kind in seen:
            continue
        seen.add(kind)
        response = page.goto(url)
        assert response and response.status == 200, url
        for size in (DESK, PHONE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert too_wide <= 0, f"{url} in {theme} is {too_wide} pixels wider than {size}"
        complaints += [f"{url}: {violated}" for violated in page.evaluate("window.violations")]
        waiting += page.locator("a[href]:not([download], [href$='/download/'])").evaluate_all(
            "links => links.filter(link => link.origin === location.origin && link.pathname.startsWith('/admin/'))"
            ".map(link => link.pathname + link.search)"
        )
    page.context.close()
    assert complaints == []
    for kind in (REST, "/admin/apps/N/roles/", f"{REST}views/N/", f"{REST}feeds/N/"):
        assert kind in seen
    assert len(seen) > 30, sorted(seen)


def test_lists_of_records_and_submissions_are_seen_whole(server: Server, browser: Browser) -> None:
    complaints: list[str] = []
    page = signed_in(server, browser, complaints, {"width": 1280, "height": 900})
    for name in ("record", "submission"):
        page.goto(f"/admin/flowfinity/{name}/")
        beyond = page.locator(".results").evaluate("box => box.scrollWidth - box.clientWidth")
        assert beyond <= 0, f"the list of {name}s is {beyond} pixels wider than its place"
        heights = page.locator("#result_list tbody tr").evaluate_all("rows => rows.map(row => row.offsetHeight)")
        # One line a row; a long name of a record may take a second.
        assert max(heights) < 72, heights
    page.context.close()
    assert complaints == []


def test_an_app_is_named_as_one_types_and_found_as_one_types(server: Server, browser: Browser) -> None:
    from playwright.sync_api import expect

    complaints: list[str] = []
    page = signed_in(server, browser, complaints, DESK)
    for label, name in (("Field visits", "FieldVisits"), ("VAT forms", "VatForms"), ("2 house keys", "HouseKeys")):
        page.goto("/admin/apps/new/")
        page.get_by_label("Label").press_sequentially(label)
        expect(page.get_by_label("Name")).to_have_attribute("placeholder", name)
        page.get_by_role("button", name="Make the app").click()
        page.get_by_role("heading", name=label).wait_for()

    page.goto(REST)
    apps = page.locator("details.app:visible summary h2")
    find = page.get_by_role("searchbox", name="Find an app")
    assert apps.count() == 4 and page.locator("details.app[open]").count() == 0
    find.press_sequentially("VISIT")
    expect(apps).to_have_text(["Field visits"])
    assert page.get_by_role("status").last.text_content() == "1 / 4"
    find.fill("capture lead")
    expect(apps).to_have_text(["Lead Registration"])
    shown = page.locator("details.app[open] .endpoint h3:visible")
    expect(shown).to_have_text(["Capture lead"])
    nothing = page.locator("#not-found")
    expect(nothing).to_be_hidden()
    find.fill("no such thing")
    expect(apps).to_have_count(0)
    expect(nothing).to_be_visible()
    said = "No app, view or operation has these words in its name."
    expect(nothing).to_have_text(said)
    assert page.get_by_role("status").last.text_content() == said
    find.fill("")
    expect(apps).to_have_count(4)
    expect(nothing).to_be_hidden()
    assert page.locator("details.app[open]").count() == 0
    page.context.close()
    assert complaints == []
