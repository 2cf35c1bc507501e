"""`manage.py serve`: from an empty directory to a site that answers, in one command."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from flowfinity import environment


class Command(BaseCommand):
    help = "Prepares the database and the static files, loads the demo once (unless DEMO=0), and serves the site."
    # The checks look at the database, which may not have its tables yet.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Does not come back: the server takes this process over, so that a signal reaches it directly.

        Raises CommandError, in one sentence, for a setting, port or database that cannot be used.
        """
        try:
            host, port, workers, demo = _host(), _port(), _workers(), environment.switch("DEMO", True)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        _refuse_taken(host, port)
        try:
            self._migrate()
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from None
        _collect_static()
        if demo:
            call_command(settings.DEMO_COMMAND, stdout=self.stdout)
        else:
            self._first_admin()
        self._welcome(host, port)
        connections.close_all()
        sys.stdout.flush()
        sys.stderr.flush()
        if not settings.REDIS_URL:
            # Without Redis there are no workers: what they would do is done beside the server, and ends with it.
            beside = ["work", "--beside", str(os.getpid())]
            subprocess.Popen([sys.executable, str(settings.BASE_DIR / "manage.py"), *beside])
        command = [sys.executable, "-m", "granian", *_granian(host, port, workers), "flowfinity.wsgi:application"]
        os.execv(sys.executable, command)

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            call_command("migrate", verbosity=0, interactive=False)
            self.stdout.write(f"The database is up to date ({len(plan)} migration{'s' * (len(plan) > 1)} applied).")

    def _first_admin(self) -> None:
        people = get_user_model().objects
        if people.filter(is_superuser=True).exists():
            return
        name, password = environment.text("ADMIN_USERNAME"), environment.text("ADMIN_PASSWORD")
        if name and password:
            people.create_superuser(username=name, password=password)
            self.stdout.write(f"The first admin is {name}, with the password from ADMIN_PASSWORD.")
        elif name or password:
            raise CommandError("The first admin needs both ADMIN_USERNAME and ADMIN_PASSWORD.")
        elif sys.stdin.isatty():
            self.stdout.write("This site has no admin yet. Who is the first?")
            call_command("createsuperuser")
        else:
            self.stdout.write(
                "This site has no admin yet, so nobody can log in. Start it once with ADMIN_USERNAME and "
                "ADMIN_PASSWORD in the environment, or run: .venv/bin/python manage.py createsuperuser"
            )

    def _welcome(self, host: str, port: int) -> None:
        name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
        here = f"http://{f'[{name}]' if ':' in name else name}:{port}"
        self.stdout.write("")
        self.stdout.write(f"{settings.SITE_NAME} {settings.VERSION} is at {settings.PUBLIC_URL or here}/")
        if settings.PUBLIC_URL:
            self.stdout.write(f"It listens at {here}, where your proxy finds it.")
        self.stdout.write("Ctrl-C stops it.")


def _collect_static() -> None:
    """Collects and compresses the static files, which takes seconds, only when one of them has changed."""
    seen = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            state = Path(storage.path(path)).stat()
            seen.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    collected = settings.STATIC_ROOT / ".collected"
    if collected.exists() and collected.read_text(encoding="ascii") == seen.hexdigest():
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    collected.write_text(seen.hexdigest(), encoding="ascii")


def _host() -> str:
    return environment.text("HOST", "127.0.0.1")


def _port() -> int:
    port = environment.whole("PORT", 8000, least=1)
    if port > 65535:
        raise ImproperlyConfigured(f"PORT must be at most 65535, not {port}.")
    return port


def _workers() -> int:
    # Without Redis each process counts wrong passwords for itself, and SQLite has one writer: a second gains little.
    return environment.whole("WEB_WORKERS", (os.cpu_count() or 1) if settings.REDIS_URL else 1, least=1)


def _refuse_taken(host: str, port: int) -> None:
    """Returns if `host` and `port` can be listened at. Raises CommandError, which says why, if not."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # A port that a server has just left is free, though the system still keeps its last connections.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # A program that shares its port lets others bind to it, but only until they listen.
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            said = f"Port {port} is taken by another program; choose a free one, for example PORT={port % 65535 + 1}."
        elif error.errno == errno.EACCES:
            said = f"Port {port} is for administrators only; choose one from 1024 up, for example PORT=8000."
        else:
            said = f"HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0, not {host!r}."
        raise CommandError(said) from None


def _granian(host: str, port: int, workers: int) -> list[str]:
    """The server's options. Each is given, because granian would read its own environment variables for the rest."""
    return [
        *("--interface", "wsgi", "--no-ws"),
        *("--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", "4" if workers == 1 else "2"),
        # A worker that will not finish what it is doing must not keep the site from stopping.
        *("--workers-kill-timeout", "30"),
        # A query string may hold a password (Zapier's web page puts it there), so no request is logged.
        *("--no-access-log", "--log-level", "warning"),
        *("--working-dir", str(settings.BASE_DIR)),
    ]
