"""README.md and docs/ are kept true: their examples run, their links lead somewhere, and nothing is left out.

A fenced block marked `test` is run by bash, those of a page in one go; a block marked `output` after it is what it must
print, where … stands for anything and one number for another. What a reader does by hand stands in a hidden block.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.conf import settings
from django.urls import resolve

from integration.rest import urls

if TYPE_CHECKING:
    from tests.conftest import Server

ROOT: Path = settings.BASE_DIR
# The README first: its tour says which leads stand where.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"^(?:```|<!-- )(?P<info>sh|text|json|sql|python)(?: (?P<mark>[a-z]\S*))?\n(?P<text>.*?)^(?:```|-->)$", re.M | re.S
)
SOURCES = (
    *("flowfinity/settings.py", "flowfinity/environment.py", "flowfinity/management/commands/serve.py"),
    "leads/management/commands/load_demo.py",
)
PLACES = {
    **{"{App}": "LeadRegistration", "{View}": "ViewAllRecords", "{Operation}": "UpdateLead"},
    **{"{Hook}": "0a1b2c", "{Submission}": "330"},
}


@dataclass
class Block:
    """A fenced block of a page; `mark` is what follows the language."""

    info: str
    mark: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["info"], found["mark"] or "", found["text"], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


def examples(page: Path) -> list[tuple[Block, Block | None]]:
    """The blocks to run, each with the output that is promised, if any."""
    found: list[tuple[Block, Block | None]] = []
    for block in blocks(page):
        if block.info == "sh" and block.mark == "test":
            found.append((block, None))
        elif block.mark == "output":
            found[-1] = found[-1][0], block
    return found


def shape(text: str) -> str:
    """The text without white space, every number as 0."""
    return re.sub(r"\d+", "0", re.sub(r"\s+", "", text))


def pattern(promised: str) -> str:
    """What matches the shape of an output."""
    return ".*?".join(map(re.escape, shape(promised).split("…")))


def environment(server: Server) -> dict[str, str]:
    """What a reader has set: the site's environment, its address, and a login."""
    return {**server.environ, "SITE": server.url, "LOGIN": f"restuser:{server.password}"}


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.name)
def test_examples_run_and_print_what_the_page_says(page: Path, server: Server) -> None:
    parts = examples(page)
    script = "set -eu\n" + "".join(f"{block.text}printf '\\n@@\\n'\n" for block, _ in parts)
    script = script.replace(".venv/bin/python", shlex.quote(sys.executable))
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment(server), capture_output=True, text=True, timeout=120
    )
    printed = done.stdout.split("\n@@\n")
    assert done.returncode == 0, f"line {parts[len(printed) - 1][0].line}: {done.stdout}{done.stderr}"
    for (block, promised), got in zip(parts, printed, strict=False):
        if promised:
            assert re.fullmatch(pattern(promised.text), shape(got), re.S), f"{page.name}:{block.line} prints\n{got}"


def test_the_start_prints_what_the_readme_shows(server: Server) -> None:
    [shown] = [block for block in blocks(PAGES[0]) if "Ctrl-C stops it." in block.text]
    log = shape(server.log())
    # make's own line, and what stands there only when the password was made up.
    elsewhere = ("Installing what", "This password is shown", "curl -A Zapier -u restuser:")
    for line in filter(str.strip, shown.text.splitlines()):
        if not line.strip().startswith(elsewhere):
            assert re.search(pattern(line), log), line


def test_the_reader_in_the_docs_misses_nothing_however_often_it_is_killed(server: Server, tmp_path: Path) -> None:
    [reader] = [block for page in PAGES for block in blocks(page) if block.mark == "test=follow.py"]
    (tmp_path / "follow.py").write_text(reader.text, encoding="utf-8")
    lead = f"{server.url}/api/apps/LeadRegistration/operations/UpdateLead"
    view = f"{server.url}/api/apps/LeadRegistration/views/Synchronize"
    login = ("restuser", server.password)
    kills = 6
    for turn in range(kills):
        read_until(tmp_path, environment(server), lambda seen, turn=turn: len(seen) > 15 + turn * 25)
        body = {"RecordID": f"{turn * 7 + 3:09d}", "Summary": f"Changed while the reader was dead, {turn}"}
        assert requests.post(lead, json=body, auth=login, timeout=20).status_code == 200
    everything = [item["lastSubmissionID"] for item in requests.get(view, auth=login, timeout=20).json()]
    seen = read_until(tmp_path, environment(server), lambda seen: seen[-1:] == everything[-1:])
    assert set(seen) >= set(everything)
    assert len(seen) - len(set(seen)) <= kills
    assert sorted(set(seen)) == list(dict.fromkeys(seen))


def read_until(directory: Path, environ: dict[str, str], enough: Any) -> list[int]:
    """Runs the reader until it has processed enough, kills it, and answers with all the ids it has ever processed."""
    output = directory / "output"
    with output.open("ab") as file:
        reader = subprocess.Popen([sys.executable, "follow.py"], cwd=directory, env=environ, stdout=file)
    deadline = time.monotonic() + 120
    try:
        while True:
            whole = output.read_text(encoding="utf-8").rpartition("\n")[0]
            seen = [int(line.split()[0]) for line in whole.splitlines()]
            if enough(seen):
                return seen
            assert time.monotonic() < deadline and reader.poll() is None, whole
            time.sleep(0.002)
    finally:
        reader.send_signal(signal.SIGKILL)
        reader.wait()


def test_every_setting_that_is_read_is_in_the_readme_and_no_other() -> None:
    read = {
        name
        for source in SOURCES
        for name in re.findall(
            r'\b(?:text|switch|choice|whole)\(\s*"([A-Z_]+)"', (ROOT / source).read_text(encoding="utf-8")
        )
    }
    section = re.search(r"^## Settings$(.*?)^## ", PAGES[0].read_text(encoding="utf-8"), re.M | re.S)
    assert section
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", section[1], re.M)
    assert {name for row in rows for name in re.findall("[A-Z_]+", row)} == read | {"PUBLIC_URL", "SECRET_KEY"}


def test_every_address_is_in_the_docs_and_no_other() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    paths = set(re.findall(r"(?<![\w-])/api(?:/[A-Za-z]+(?:-[a-z]+)*|/\{[A-Z][a-z]+\})*", text))
    routes = set()
    for path in paths:
        for place, name in PLACES.items():
            path = path.replace(place, name)
        routes.add(str(resolve(path).route))
    *known, anything = (str(one.pattern) for one in urls.urlpatterns)
    assert routes - set(known) == set(), f"{anything} answers an address that the docs mention"
    assert set(known) - routes == set()
    assert {"GET /healthz", "GET /readyz"} <= set(re.findall(r"GET /[a-z]+z", text))


def test_every_target_of_make_that_is_mentioned_is_there() -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page in PAGES:
        mentioned = set(re.findall(r"`make ([\w./-]+)`|^make ([\w./-]+)$", page.read_text(encoding="utf-8"), re.M))
        assert {one or other for one, other in mentioned} <= targets, page.name


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists() and file.is_relative_to(ROOT), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
            assert anchor in {slug(heading) for heading in headings}, target


def test_pages_name_no_machine_and_every_picture_is_shown() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in (ROOT / "docs" / "pictures").glob("*.png"):
        assert f"pictures/{picture.name}" in text, picture.name
    assert not re.search(r"/(?:work|home|root|Users)/", text)
