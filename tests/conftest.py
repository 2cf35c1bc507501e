"""Fixtures for all tests: quick passwords, a real server, a real browser.

What must be settled before Django reads its settings is in plugin.py.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.conf import global_settings, settings
from django.test import override_settings
from hypothesis import settings as hypothesis_settings

# How long an example takes says how busy the machine is.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

ON_POSTGRES = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for name, mark in (("browser", "browser"), ("server", "stack")):
            if name in fixtures:
                item.add_marker(mark)
        if not ON_POSTGRES and item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.skip(reason="says something of PostgreSQL only"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(server, Server):
        report.sections.append(("server log", server.log()))
    return report


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A test database on SQLite is a file, as on a site: one in memory has no WAL and other locks."""
    if not ON_POSTGRES:
        settings.DATABASES["default"]["TEST"]["NAME"] = str(settings.DATA_DIR / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def quick_settings() -> Iterator[None]:
    """A password that costs no 300 ms, and static files that need no collecting, for all but `real_passwords`."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={**settings.STORAGES, "staticfiles": plain},
    ):
        yield


@pytest.fixture
def real_passwords() -> Iterator[None]:
    """The hashers that a site uses, for a test of what a password costs or how it is kept."""
    with override_settings(PASSWORD_HASHERS=global_settings.PASSWORD_HASHERS):
        yield


class Server:
    """`manage.py serve` in a process of its own, with its own data directory and, on PostgreSQL, its own database.

    `url` is where it answers, without a slash at the end; `password` is that of admin, sam and restuser. Writing a
    number of seconds to `clock` moves its clock by as many.
    """

    def __init__(self, directory: Path) -> None:
        self.password = "correct horse battery"
        self.clock = directory / "clock"
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))},
            "DATA_DIR": str(directory / "data"),
            "PORT": str(port),
            "DEMO_PASSWORD": self.password,
            "TEST_CLOCK": str(self.clock),
        }
        self._database = f"server_{uuid.uuid4().hex}" if ON_POSTGRES else ""
        if self._database:
            _administer(f'CREATE DATABASE "{self._database}"')
            before, _, options = os.environ["DATABASE_URL"].partition("?")
            url = f"{before.rpartition('/')[0]}/{self._database}"
            self.environ["DATABASE_URL"] = f"{url}?{options}" if options else url

    def start(self, **environ: str) -> None:
        """Starts it with these settings on top, and waits until it is ready.

        Raises RuntimeError, with its log, when it is not ready after three minutes or has ended.
        """
        self.environ.update(environ)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=settings.BASE_DIR,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(requests.RequestException):
                if requests.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"The server does not get ready:\n{self.log()}")

    def stop(self) -> None:
        """Stops it as a service manager would, by SIGTERM; one that has not gone after ten seconds is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill(self) -> None:
        """Kills it and all that it has started at once, as when its machine fails."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def restart(self, **environ: str) -> None:
        """Stops it and starts it again, with these settings on top, on the same data and port."""
        self.stop()
        self.start(**environ)

    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def remove(self) -> None:
        """Stops it and drops its database."""
        self.stop()
        if self._database:
            _administer(f'DROP DATABASE "{self._database}" WITH (FORCE)')


def static_files(tmp_path_factory: pytest.TempPathFactory, data: Path) -> None:
    """Copies the collected static files to or from a data directory, whichever has them.

    To compress them takes longer than all the rest of a start: once for all servers is enough.
    """
    here, kept = data / "static", tmp_path_factory.getbasetemp() / "static"
    if kept.exists() and not here.exists():
        shutil.copytree(kept, here)
    elif here.exists() and not kept.exists():
        shutil.copytree(here, kept)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The site as `make run` serves it, with its demo; the tests of a module share one."""
    directory = tmp_path_factory.mktemp("server")
    server = Server(directory)
    static_files(tmp_path_factory, directory / "data")
    try:
        server.start()
        static_files(tmp_path_factory, directory / "data")
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, as Playwright's `Browser`. Where there is none: a failure with CI=true, elsewhere a skip.

    What uses it asks `server`, not the database: Playwright keeps an event loop in this thread, and Django refuses one.
    A module that has tests of both kinds closes its browser only at its end, so keep them apart.
    """
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        missing = "Chromium is not installed here (on Debian: apt-get install chromium)."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                # A container's root has no sandbox, and a test asks nobody but its own server.
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync", "--no-first-run"),
            ],
        )
        yield chrome
        chrome.close()


def _free_port() -> int:
    """A port that nobody listens at, outside the range that the system gives to connections: it would give it to one
    while a server that is to have it starts, or is restarted."""
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _administer(statement: str) -> None:
    """Runs a statement that concerns a whole database, from the one that every PostgreSQL has."""
    parts = settings.DATABASES["default"]
    named = {"host": parts["HOST"], "port": parts["PORT"], "user": parts["USER"], "password": parts["PASSWORD"]}
    given = {name: value for name, value in named.items() if value}
    with psycopg.connect(dbname="postgres", autocommit=True, **given, **parts["OPTIONS"]) as connection:
        connection.execute(statement)
