"""Every page, at a desk and on a phone, light and dark: axe finds nothing, the policy is kept, all is reached by Tab.

So it is with forms that come back with errors; there each error is tied to its input, and somebody is told of them.
A page that is new and stands in no list here fails the first test. For Django's own lists and forms the bounds are
wider: theirs are some tables and targets that only Django can change.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from tests import npm

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

    from tests.conftest import Server

SCRIPTS = Path(__file__).with_name("craft")
# As {name of the URL: addresses to look at}; {…} is filled by tests/craft/site.py.
NOBODYS = {
    "login": ["/login/?next=/admin/"],
    "password-reset": ["/password/reset/"],
    "password-new": ["/password/reset/{uid}/{token}/"],
}
WORKSPACE = {
    "home": ["/"],
    "view": ["/apps/LeadRegistration/views/ViewAllRecords/", "/apps/LeadRegistration/views/HotLeads/?q=nothing-is-so"],
    "record": ["/apps/LeadRegistration/records/{record}/"],
    "restore": ["/apps/LeadRegistration/records/{record}/restore/{submission}/"],
    "deleted": ["/apps/LeadRegistration/deleted/"],
    "operation": ["/apps/LeadRegistration/operations/CaptureLead/"],
    "app-import": ["/apps/LeadRegistration/import/"],
    "jobs": ["/jobs/"],
    "job": ["/jobs/{prepared}/", "/jobs/{done}/"],
    "settings": ["/settings/"],
    "password": ["/password/"],
}
APP = "/admin/apps/{app}/"
REST = "/admin/integration/rest/"
CATCH_UP = "/admin/integration/catch-up/"
CONFIGURE = {
    "admin:index": ["/admin/"],
    "configure-apps": ["/admin/apps/"],
    "configure-app-new": ["/admin/apps/new/"],
    "configure-import": ["/admin/apps/import/"],
    "configure-app": [APP],
    "configure-field-new": [APP + "fields/new/"],
    "configure-field": [APP + "fields/{field}/"],
    "configure-app-operations": [APP + "operations/"],
    "configure-operation-new": [APP + "operations/new/"],
    "configure-operation": [APP + "operations/UpdateLead/"],
    "configure-app-views": [APP + "views/"],
    "configure-view-new": [APP + "views/new/"],
    "configure-app-view": [APP + "views/HotLeads/"],
    "configure-roles": [APP + "roles/"],
    "configure-app-settings": [APP + "settings/"],
    "configure-app-delete": [APP + "delete/"],
    "configure-app-publish": [APP + "publish/"],
    "configure-remove": [APP + "fields/{field}/remove/"],
    "configure-zapier": ["/admin/integration/zapier/"],
    "configure-deliveries": ["/admin/integration/deliveries/", "/admin/integration/deliveries/?removed=1"],
    "configure-subscription": ["/admin/integration/deliveries/{subscription}/"],
    "configure-subscription-remove": ["/admin/integration/deliveries/{subscription}/remove/"],
    "configure-delivery": ["/admin/integration/deliveries/{subscription}/{submission}/"],
    "configure-catch-up": [CATCH_UP, CATCH_UP + "?way=since&of=app:{app}&since=2020-01-01T00:00"],
    "configure-catch-up-place": [CATCH_UP + "hooks/{subscription}/", CATCH_UP + "hooks/{subscription}/?place=0"],
    "configure-sync-health": ["/admin/integration/sync-health/"],
    "configure-sync-health-client": ["/admin/integration/sync-health/{client}/"],
    "configure-rest": [REST],
    "configure-api-docs": [REST + "api/"],
    "configure-api-call": [
        REST + "api/LeadRegistration_ViewAllRecords_poll/",
        REST + "api/LeadRegistration_CaptureLead_run/",
    ],
    "configure-rest-view": [REST + "views/{view}/?account={restuser}"],
    "configure-rest-operation": [REST + "operations/{operation}/"],
    "configure-rest-feed": [REST + "feeds/{app}/"],
}
DJANGOS = {
    "admin:password_change": ["/admin/password_change/"],
    "admin:flowfinity_user_changelist": ["/admin/flowfinity/user/"],
    "admin:flowfinity_user_add": ["/admin/flowfinity/user/add/"],
    "admin:flowfinity_user_change": ["/admin/flowfinity/user/{user}/change/"],
    "admin:auth_user_password_change": ["/admin/flowfinity/user/{user}/password/"],
    "admin:flowfinity_role_changelist": ["/admin/flowfinity/role/"],
    "admin:flowfinity_role_change": ["/admin/flowfinity/role/{role}/change/"],
    "admin:flowfinity_record_changelist": ["/admin/flowfinity/record/"],
    "admin:flowfinity_submission_changelist": ["/admin/flowfinity/submission/"],
    "admin:integration_refusal_changelist": ["/admin/integration/refusal/"],
}
# These answer with no page of their own: a file, JSON, a step back to a page, or the page of another address.
NO_PAGES = {
    *("app", "file", "logout", "view-export", "job-errors", "configure-export", "configure-blueprint-schema"),
    *("configure-order", "configure-zapier-download", "configure-deliveries-again", "configure-subscription-pause"),
    *("configure-subscription-resume", "configure-sync-health-settle", "configure-sync-health-forget"),
    *(f"configure-rest-{kind}-access" for kind in ("view", "operation", "feed")),
}
# Forms that are sent with something wrong: who sends it, where, and what is filled in; all else that can be is emptied.
WRONG: list[tuple[str, str, dict[str, str]]] = [
    ("", "/login/", {"username": "nobody", "password": "wrong"}),
    ("", "/password/reset/{uid}/{token}/", {"new_password1": "short", "new_password2": "shorter"}),
    ("sam", "/apps/LeadRegistration/operations/CaptureLead/", {}),
    ("sam", "/apps/LeadRegistration/records/{record}/", {}),
    ("sam", "/apps/LeadRegistration/import/", {}),
    ("sam", "/settings/", {"time_zone": "Nowhere/Nothing"}),
    ("sam", "/password/", {"old_password": "wrong", "new_password1": "short", "new_password2": "shorter"}),
    ("admin", "/admin/apps/new/", {}),
    ("admin", "/admin/apps/import/", {}),
    ("admin", APP + "fields/new/", {"type": "single"}),
    ("admin", APP + "fields/{field}/", {}),
    ("admin", APP + "operations/new/", {}),
    ("admin", APP + "operations/UpdateLead/", {}),
    ("admin", APP + "views/new/", {}),
    ("admin", APP + "views/HotLeads/", {}),
    ("admin", APP + "settings/", {}),
    ("admin", CATCH_UP, {}),
    ("admin", CATCH_UP + "?way=since", {"since": ""}),
    ("admin", CATCH_UP + "?way=between", {"first": "9", "last": "2"}),
    ("admin", CATCH_UP + "hooks/{subscription}/", {"place": "999999999"}),
]
DJANGOS_WRONG: list[tuple[str, str, dict[str, str]]] = [
    ("admin", "/admin/flowfinity/role/add/", {}),
    ("admin", "/admin/flowfinity/user/add/", {}),
    ("admin", "/admin/flowfinity/user/{user}/change/", {}),
    ("admin", "/admin/flowfinity/user/{user}/password/", {"password1": "short", "password2": "shorter"}),
    ("admin", "/admin/password_change/", {"old_password": "wrong", "new_password1": "a", "new_password2": "b"}),
]
OUR_BYTES, DJANGOS_BYTES = 60_000, 115_000
DESK, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What Django's own templates can be asked for: contrast is our sheet's, labels are our forms'.
DJANGOS_RULES = ["label", "select-name", "button-name", "link-name", "color-contrast", "document-title"]

LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
AXE = """
async ([rules, only]) => {
  const found = await axe.run(document, {
    runOnly: rules ? {type: "rule", values: rules} : {type: "tag", values: only}, resultTypes: ["violations"],
    selectors: false, iframes: false, preload: false,
  });
  return found.violations.map((one) =>
    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}
"""
# What a keyboard must reach, each with its name; a group of radio buttons is one stop.
CONTROLS = """
() => {
  const said = (one) => one?.textContent.trim() || one?.querySelector("img, svg")?.getAttribute("alt") || "";
  const named = (one) => one.ariaLabel || [...(one.labels || [])].map(said).join("") || said(one) || one.title
    || (one.getAttribute("aria-labelledby") || "").split(" ").map((id) => said(document.getElementById(id))).join("")
    || (one.type === "submit" && one.value);
  const stops = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [contenteditable]";
  window.controls = [...document.querySelectorAll(stops)].filter((one) => one.tabIndex >= 0 && !one.matches(":disabled")
    && !one.closest("[inert]") && one.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true})
    && (one.tagName !== "SUMMARY" || one === one.parentElement.querySelector("summary")));
  window.reached = new Set();
  document.addEventListener("focusin", (event) => window.reached.add(event.target));
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  getSelection()?.removeAllRanges();
  window.scrollTo(0, 0);
  const beside = (one) => [...window.reached].some((other) => other.name === one.name && other.form === one.form);
  window.missed = () => window.controls.filter((one) => !window.reached.has(one)
    && !(one.type === "radio" && beside(one)) && one.checkVisibility({visibilityProperty: true})
    ).map((one) => one.outerHTML.slice(0, 160));
  const parted = document.querySelectorAll("[type=date], [type=time], [type=datetime-local]").length;
  return {
    stops: window.controls.length + 3 * parted,
    unnamed: window.controls.filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 160)),
  };
}
"""

# Sends the form with what is wrong: the one in sight, if there are several; by the button that saves or looks ahead.
SEND = """
(values) => {
  const shown = (one) => one.checkVisibility();
  const form = [...document.querySelectorAll("main form, #content-main form")].find((one) =>
    [...one.querySelectorAll("input:not([type=hidden]), select, textarea")].some(shown));
  for (const control of form.elements) {
    const name = control.name;
    if (name in values && control.matches("select") && !control.querySelector(`[value="${values[name]}"]`))
      control.add(new Option(values[name], values[name]));
    if (name in values) control.value = values[name];
    else if (control.matches("textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=submit])"))
      control.value = "";
  }
  form.noValidate = true;
  document.documentElement.dataset.sent = "";
  const button = [...form.querySelectorAll("button.primary, [type=submit].default, button")].filter(shown);
  form.requestSubmit(button.find((one) => one.matches(".primary, .default")) || button[0]);
}
"""
# What came back: whether somebody is told, and whether each error is tied to what it is about, and in sight.
ERRORS = """
() => {
  const faults = [];
  const shown = (one) => one.checkVisibility({visibilityProperty: true});
  const html = (one) => one.outerHTML.slice(0, 160);
  const said = (one) => (one?.getAttribute("aria-describedby") || "").split(" ")
    .map((id) => document.getElementById(id)).filter((other) => other && other.textContent.trim() && shown(other));
  const wrong = [...document.querySelectorAll("[aria-invalid=true]")];
  const summary = [...document.querySelectorAll("[role=alert], .errornote")]
    .filter((one) => shown(one) && one.textContent.trim());
  if (!wrong.length && !summary.length) faults.push("nothing says that it went wrong");
  else if (!summary.length && !wrong.includes(document.activeElement)) faults.push("nobody is told");
  for (const one of wrong) {
    if (!shown(one)) faults.push(`out of sight: ${html(one)}`);
    const why = [one, one.closest("fieldset")].some((other) => said(other).length);
    if (!why) faults.push(`wrong, but why? ${html(one)}`);
  }
  for (const error of document.querySelectorAll(".errorlist:not(.nonfield)")) {
    const owner = [...document.querySelectorAll("[aria-describedby]")].find((one) => said(one).includes(error));
    if (!owner) faults.push(`tied to nothing: ${html(error)}`);
    else if (!owner.matches("fieldset, [aria-invalid=true]")) faults.push(`not marked as wrong: ${html(owner)}`);
  }
  return faults;
}
"""


def test_every_page_is_in_the_list() -> None:
    names = set(named(get_resolver()))
    listed = {*NOBODYS, *WORKSPACE, *CONFIGURE, *NO_PAGES}
    ours = {name for name in names if not name.startswith("admin:")} | {"admin:index"}
    assert ours == listed, "a page that nobody looks at, or one that is gone"
    lists = {name for name in names if name.endswith("_changelist")}
    assert lists <= set(DJANGOS) <= names


def named(resolver: URLResolver, space: str = "") -> Iterator[str]:
    """The names of a resolver's addresses, the API's and the health checks' left out."""
    for one in resolver.url_patterns:
        if isinstance(one, URLPattern):
            if one.name and not str(one.pattern).startswith("^api"):
                yield space + one.name
        else:
            yield from named(one, f"{one.namespace}:" if one.namespace else space)


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    return (npm.modules(SCRIPTS) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parts(server: Server) -> dict[str, Any]:
    """What the addresses are made of, on a site where every page has something to show."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.craft.site"],
        cwd=settings.BASE_DIR,
        env=server.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Window:
    """A page of the browser, at one width and as one person, with what it complained of and took over the wire."""

    def __init__(self, context: BrowserContext, axe: str) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.bytes = 0
        self.axe = axe
        self.page.on("console", lambda message: self.hear(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.hear(str(error)))
        wire: CDPSession = context.new_cdp_session(self.page)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        wire.on("Network.loadingFinished", self.weigh)

    def hear(self, words: str) -> None:
        """Keeps a complaint."""
        self.complaints.append(words)

    def weigh(self, event: dict[str, Any]) -> None:
        """Counts what was taken over the wire."""
        self.bytes += int(event["encodedDataLength"])

    def open(self, address: str) -> None:
        """Loads a page as for the first time."""
        self.complaints.clear()
        self.bytes = 0
        self.page.emulate_media(color_scheme="light")
        response = self.page.goto(address, wait_until="load")
        assert response is not None and response.status == 200, address

    def found(self, rules: list[str] | None) -> list[str]:
        """What axe finds."""
        return list(self.page.evaluate(AXE, [rules, WCAG]))

    def walk(self) -> list[str]:
        """What a keyboard does not reach, or does not call by a name."""
        told = self.page.evaluate(CONTROLS)
        faults = [f"no name: {one}" for one in told["unnamed"]]
        missed: list[str] = []
        for _ in range(3):
            for _ in range(told["stops"] + 3):
                self.page.keyboard.press("Tab")
            missed = self.page.evaluate("window.missed()")
            if not missed:
                break
        return faults + [f"not reached by Tab: {one}" for one in missed]

    def send(self, values: dict[str, str]) -> list[str]:
        """Sends the form of the page, with something wrong; what is wrong with how that is told."""
        self.complaints.clear()
        self.bytes = 0
        self.page.evaluate(SEND, values)
        # An answer is a new page, or a form that has changed in place.
        self.page.locator("html:not([data-sent]), #faults").first.wait_for(state="attached")
        self.page.wait_for_load_state("load")
        return [f"error: {one}" for one in self.page.evaluate(ERRORS)]

    def faults(self, rules: list[str] | None, most: int) -> list[str]:
        """All that is wrong with the page that is open."""
        faults = [] if self.bytes < most else [f"{self.bytes:,} bytes"]
        size = self.page.viewport_size
        assert size is not None
        # All of the page at once: what stays in sight at the top and the bottom would cover what lies below it.
        tall = self.page.evaluate("document.documentElement.scrollHeight + 64")
        self.page.set_viewport_size({**size, "height": max(size["height"], tall)})
        # Unlike a script of the page's own, what is evaluated from outside is not held by its policy.
        self.page.evaluate(self.axe)
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme)
            # Django's links change their colour slowly; where a window is not drawn, that would never come to its end.
            self.page.evaluate("document.getAnimations().forEach((one) => one.finish())")
            faults += [f"{theme}: {one}" for one in self.found(rules)]
        self.page.set_viewport_size(size)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults += [f"{wide} px too wide"] if wide > 0 else []
        faults += self.walk()
        faults += [f"policy: {one}" for one in self.page.evaluate("window.violations")]
        return faults + self.complaints


class Windows:
    """The windows of the browser, each opened once: by person ("" is nobody) and size."""

    def __init__(self, server: Server, browser: Browser, axe: str) -> None:
        self.server, self.browser, self.axe = server, browser, axe
        self.open: dict[tuple[str, int], Window] = {}

    def get(self, username: str, size: Any) -> Window:
        """The window; a person has logged in there."""
        key = (username, size["width"])
        if key not in self.open:
            context = self.browser.new_context(base_url=self.server.url, viewport=size, reduced_motion="reduce")
            context.set_default_timeout(20_000)
            context.add_init_script(LISTEN)
            window = Window(context, self.axe)
            if username:
                window.page.goto("/login/")
                window.page.locator("[name=username]").fill(username)
                window.page.locator("[name=password]").fill(self.server.password)
                window.page.locator("[name=password]").press("Enter")
                window.page.wait_for_url("**/")
            self.open[key] = window
        return self.open[key]


@pytest.fixture(scope="module")
def windows(server: Server, browser: Browser, axe: str) -> Iterator[Windows]:
    windows = Windows(server, browser, axe)
    yield windows
    for window in windows.open.values():
        window.page.context.close()


SPOIL = """
() => {
  document.querySelector("main").insertAdjacentHTML("beforeend",
    '<p style="color: red">Against the policy</p><input id="trap"><button></button><pre id="wide">x</pre>');
  document.getElementById("trap").addEventListener("keydown", (event) => event.preventDefault());
  document.getElementById("wide").style.width = "3000px";
  Object.assign(document.querySelector("h1").style, {color: "#777", background: "#999"});
  console.error("out of order");
}
"""


def test_what_is_wrong_is_found(windows: Windows) -> None:
    """The negative control: a page that is spoilt in every way that the others are looked at for."""
    window = windows.get("", DESK)
    window.open("/login/")
    window.page.evaluate(SPOIL)
    faults = "\n".join(window.faults(None, 1_000))
    for words in (
        "bytes",
        "light: label",
        "dark: button-name",
        "dark: color-contrast",
        "px too wide",
        "no name: <button>",
    ):
        assert words in faults, faults
    for words in ("not reached by Tab: <button></button>", "policy: style-src-attr", "out of order"):
        assert words in faults, faults


UNTIE = """
() => {
  document.querySelector("[aria-describedby]").removeAttribute("aria-describedby");
  for (const one of document.querySelectorAll("[role=alert]")) one.removeAttribute("role");
  document.activeElement.blur();
}
"""


def test_an_error_that_is_tied_to_nothing_is_found(windows: Windows, parts: dict[str, Any]) -> None:
    """The negative control: an error beside an input that does not name it, with nobody told."""
    window = windows.get("sam", DESK)
    window.open("/apps/LeadRegistration/operations/CaptureLead/")
    assert window.send({}) == []
    window.page.evaluate(UNTIE)
    faults = "\n".join(window.page.evaluate(ERRORS))
    for words in ("nobody is told", "wrong, but why?", "tied to nothing"):
        assert words in faults, faults


def every(pages: dict[str, list[str]]) -> list[str]:
    """The addresses of a list."""
    return [address for addresses in pages.values() for address in addresses]


@pytest.mark.parametrize(
    ("username", "address"),
    [
        *(("", address) for address in every(NOBODYS)),
        *(("sam", address) for address in every(WORKSPACE)),
        *(("admin", address) for address in every(CONFIGURE)),
    ],
)
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_our_pages(windows: Windows, parts: dict[str, Any], username: str, address: str, size: Any) -> None:
    window = windows.get(username, size)
    window.open(address.format(**parts))
    faults = window.faults(None, OUR_BYTES)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("username", "address", "values"), WRONG)
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_our_forms_with_errors(
    windows: Windows, parts: dict[str, Any], username: str, address: str, values: dict[str, str], size: Any
) -> None:
    window = windows.get(username, size)
    window.open(address.format(**parts))
    faults = window.send(values) + window.faults(None, OUR_BYTES)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("username", "address", "values"), DJANGOS_WRONG)
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_djangos_forms_with_errors(
    windows: Windows, parts: dict[str, Any], username: str, address: str, values: dict[str, str], size: Any
) -> None:
    window = windows.get(username, size)
    window.open(address.format(**parts))
    faults = window.send(values) + window.faults(DJANGOS_RULES, DJANGOS_BYTES)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("address", every(DJANGOS))
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_djangos_lists_and_forms(windows: Windows, parts: dict[str, Any], address: str, size: Any) -> None:
    window = windows.get("admin", size)
    window.open(address.format(**parts))
    faults = window.faults(DJANGOS_RULES, DJANGOS_BYTES)
    assert not faults, "\n".join(faults)


# Last: from here on the site sends mail.


@pytest.fixture(scope="module")
def mailing(server: Server, parts: dict[str, Any]) -> None:
    """The same site, once more, where a forgotten password can be reset by mail."""
    server.restart(EMAIL_URL="console:", EMAIL_FROM="site@example.com")


@pytest.mark.parametrize("email", ["", "nobody"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_form_of_a_forgotten_password(windows: Windows, mailing: None, email: str, size: Any) -> None:
    window = windows.get("", size)
    window.open("/password/reset/")
    faults = window.faults(None, OUR_BYTES)
    assert not faults, "\n".join(faults)
    window.open("/password/reset/")
    faults = window.send({"email": email}) + window.faults(None, OUR_BYTES)
    assert not faults, "\n".join(faults)
