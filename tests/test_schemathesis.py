"""schemathesis against the running site: thousands of calls made from its own schema, valid ones and wrong ones.

What it checks, and which refusals of a valid call it expects, is in schemathesis.toml.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import every_type
from tests.conftest import Server

CONFIG = Path(__file__).with_name("schemathesis.toml")
LEAST_CASES = 2_000
# Opens all views, operations and feeds of all apps to the demo's integration account.
OPEN = """
from flowfinity.models import App, Role, configuring
from integration.models import RestAccess

with configuring():
    role = Role.objects.get(name="Integration")
    for app in App.objects.all():
        for view in app.views.all():
            RestAccess.objects.get_or_create(view=view)
            role.views.add(view)
        for operation in app.operations.all():
            RestAccess.objects.get_or_create(operation=operation)
            role.operations.add(operation)
        RestAccess.objects.get_or_create(feed_of=app)
        role.feeds.add(app)
"""


@pytest.fixture(scope="module")
def opened(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The demo's site with an app that has a field of every type, all of it open to restuser."""
    # ignored_auth sends a wrong password to each address: on a quick machine, more in a minute than a site answers.
    server.restart(API_WRONG_PASSWORDS_A_MINUTE="1000000")
    file = tmp_path_factory.mktemp("blueprint") / "every_type.json"
    file.write_text(json.dumps(every_type.blueprint()), encoding="utf-8")
    for command in (["import_blueprint", str(file)], ["shell", "-c", OPEN]):
        subprocess.run([sys.executable, "manage.py", *command], env=server.environ, check=True, timeout=120)
    return server


def document(server: Server) -> dict[str, Any]:
    """The site's schema, as restuser reads it, its examples of edits naming records that are there."""
    auth = ("restuser", server.password)
    response = requests.get(f"{server.url}/api/schema", auth=auth, timeout=30)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    # Whatever is subscribed would be delivered to, and the targets would be made up: tests/test_schema.py has these.
    found["paths"] = {path: methods for path, methods in found["paths"].items() if "/hooks" not in path}
    for app, make, body, edits in (
        (every_type.APP, "Make", {"Needed": "It"}, ("Change", "Remove")),
        ("LeadRegistration", "CaptureLead", {"Company": "Acme", "LastName": "Smith"}, ("UpdateLead", "DeleteLead")),
    ):
        base = f"/api/apps/{app}/operations"
        for edit in edits:
            made = requests.post(f"{server.url}{base}/{make}", json=body, auth=auth, timeout=30).json()
            examples = found["paths"][f"{base}/{edit}"]["post"]["requestBody"]["content"]["application/json"][
                "examples"
            ]
            examples[edit]["value"]["RecordID"] = made["RecordID"]
    return found


def attack(server: Server, schema: dict[str, Any], directory: Path) -> tuple[dict[str, Any], str]:
    """What schemathesis reports after calling the server by that schema, and what it printed."""
    (directory / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color"),
            *("run", "schema.json", "--url", server.url, "--auth", f"restuser:{server.password}"),
            *("--report", "json", "--report-json-path", "report.json"),
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=900,
    )
    report = directory / "report.json"
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8")), done.stdout


def test_no_call_that_can_be_made_from_the_schema_finds_a_fault(opened: Server, tmp_path: Path) -> None:
    schema = document(opened)
    report, printed = attack(opened, schema, tmp_path)
    cases = report["test_cases"]
    print(f"{cases['generated']} calls in {report['running_time']:.0f} s, {cases['unique_failures']} faults")
    assert report["failures"] == [] and report["errors"] == [], printed
    assert report["complete"] and report["exit_code"] == 0, printed
    assert cases["generated"] >= LEAST_CASES
    operations = [f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods]
    assert report["operations"]["tested"] == len(operations)
    for operation in operations:
        assert any(phase["accepted"] for phase in report["valid_rates"][operation].values()), (
            f"never taken: {operation}"
        )


def test_a_schema_that_lies_is_found_out(opened: Server, tmp_path: Path) -> None:
    """The negative control: a wrong type, a status left out, and an address that asks for no credentials."""
    schema = document(opened)
    check = json.loads(json.dumps(schema["paths"]["/api"]["get"]))
    wrong, short = json.loads(json.dumps(check)), {**check, "operationId": "short", "responses": {}}
    wrong["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["Site"] = {"type": "integer"}
    short["responses"] = {"204": {"description": "Nothing."}}
    open_to_all = {**check, "operationId": "alive", "responses": {"200": {"description": "It lives."}}}
    schema["paths"] = {"/api": {"get": wrong}, "/api/apps": {"get": short}, "/healthz": {"get": open_to_all}}
    report, printed = attack(opened, schema, tmp_path)
    assert report["exit_code"] == 1, printed
    for said in ("Response violates schema", "Undocumented status code", "without authentication", "undeclared method"):
        assert said in printed, printed
