"""The connector that is exported, run by Zapier's own client from npm against a running site; and what it is made of.

Needs node 20 or newer and npm. The packages in tests/zapier/package-lock.json are installed once, into the user's cache.
"""

from __future__ import annotations

import hashlib
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
from tests.builders import make_app, person
from tests.conftest import Server
from tests.rest import Site, open_site

SCRIPTS = Path(__file__).with_name("zapier")
INSTALLED = ("package.json", "package-lock.json")
OLDEST_NODE = 20
PUBLIC = "https://records.example.com"
# What a connector must cope with beside the demo: every field type, labels without a Latin letter, long and alike ones.
MORE_APPS = """
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "flowfinity.settings"

import django

django.setup()

from flowfinity.blueprint import import_app
from flowfinity.models import Operation, Role, View, configuring
from flowfinity.submissions import Call, submit
from flowfinity import definitions
from flowfinity.models import User
from integration.models import RestAccess
from tests import every_type

long = "all the requests that came in by mail, by phone or over the counter of any branch"
strange = {
    "blueprint": 1,
    "app": {"name": "Requests", "label": "заявки"},
    "fields": [{"name": "A", "label": "тема", "type": "text", "help": "о чём"}],
    "operations": [{"name": "Do", "label": "создать", "kind": "create", "fields": ["A"]}],
    "views": [
        {"name": name, "label": label, "columns": ["A"]}
        for name, label in {"Z": "все", "First": long, "Second": long, "E": "e-mail: a/b or {{x}}"}.items()
    ],
}
with configuring():
    for document in (every_type.blueprint(), strange):
        app = import_app(document)
        role = Role.objects.get(name="Integration")
        for kind, parts in (("view", View.objects.filter(app=app)), ("operation", Operation.objects.filter(app=app))):
            for part in parts:
                RestAccess.objects.create(**{kind: part})
                getattr(role, f"{kind}s").add(part)
sam = User.objects.get(username="sam")
submit([Call(definitions.of("EveryType").operation("Make"), {"Needed": "yes"})], sam)
submit([Call(definitions.of("Requests").operation("Do"), {"A": "x"})], sam)
"""


def missing() -> str:
    """What Zapier's client needs and this machine lacks, in a sentence; "" when nothing does."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return "node and npm are not installed here (on Debian: apt-get install nodejs npm)."
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return f"node {OLDEST_NODE} or newer is needed; this is {version}."
    return ""


@pytest.fixture(scope="session")
def zapier() -> Path:
    """Where Zapier's client is installed. Without node or npm: a failure with CI=true, elsewhere a skip."""
    if lacking := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowfinity-zapier"
    lock = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in INSTALLED)).hexdigest()[:16]
    kept = cache / lock
    if not kept.exists():
        # Made beside it and moved there whole: another run, or one that was interrupted, leaves nothing half done.
        making = cache / f"{lock}.{os.getpid()}"
        making.mkdir(parents=True)
        for name in INSTALLED:
            shutil.copy(SCRIPTS / name, making)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            making.rename(kept)
        except OSError:  # somebody was faster
            shutil.rmtree(making)
    return kept / "node_modules"


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
    manage(server, "-c", MORE_APPS)
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
