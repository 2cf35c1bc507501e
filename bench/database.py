"""Where the measured site keeps its records: a database of its own, made for the run and dropped after it."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench import processes
from tests.cluster import Cluster, Missing

LOCAL = ("postgresql:///postgres", "postgresql://127.0.0.1:5432/postgres")
NO_POSTGRESQL = (
    "No PostgreSQL was found: DATABASE_URL names none, there are no binaries (initdb, pg_ctl) to start one of the "
    "bench's own, and none answers on this machine. On Debian: apt-get install postgresql."
)


@dataclass
class Database:
    """A database for one run: `url` goes into DATABASE_URL, `kind` is postgresql or sqlite, `title` names it."""

    kind: str
    url: str
    title: str
    _watch: psycopg.Connection | None = None

    def cpu(self) -> dict[int, float] | None:
        """CPU seconds by process that serves the site; None where the database is no process of this machine."""
        if self._watch is None:
            return None
        rows = self._watch.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        spent = {pid: processes.cpu(pid) for (pid,) in rows if processes.name(pid).startswith("postgres")}
        return {pid: seconds for pid, seconds in spent.items() if seconds is not None} or None


@contextmanager
def sqlite(directory: Path) -> Iterator[Database]:
    """SQLite in a file, as a site without DATABASE_URL has it."""
    yield Database("sqlite", f"sqlite:///{directory / 'bench.sqlite3'}", f"SQLite {sqlite3.sqlite_version}")


@contextmanager
def postgresql() -> Iterator[Database]:
    """A new database on PostgreSQL: on the server of DATABASE_URL, else on one started from this machine's binaries,
    else on the one that answers here. The database that DATABASE_URL names is not touched.

    Raises Missing, in one sentence, where there is none.
    """
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgres://", "postgresql://")):
        with _on(given, "the server of DATABASE_URL") as database:
            yield database
        return
    try:
        cluster = Cluster()
    except Missing:
        with _on(_local(), "the server of this machine") as database:
            yield database
        return
    try:
        with psycopg.connect(_named(cluster.url, "postgres"), autocommit=True) as connection:
            # A cluster for tests does not keep what it is told; a site's does, and is measured so.
            for name in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
                connection.execute(f"ALTER SYSTEM SET {name} = on")
            connection.execute("SELECT pg_reload_conf()")
        with _on(cluster.url, "a server of the bench's own") as database:
            yield database
    finally:
        cluster.stop()


def _local() -> str:
    for url in LOCAL:
        with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=3):
            return url
    raise Missing(NO_POSTGRESQL)


@contextmanager
def _on(server: str, where: str) -> Iterator[Database]:
    name = f"bench_{uuid.uuid4().hex}"
    try:
        admin = psycopg.connect(_named(server, "postgres"), autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Missing(f"PostgreSQL cannot be reached ({where}): {str(error).splitlines()[0]}") from None
    with admin:
        try:
            admin.execute(f'CREATE DATABASE "{name}"')
        except psycopg.errors.InsufficientPrivilege:
            raise Missing(f"This account may not create a database on {where}, and the bench needs one.") from None
        try:
            url = _named(server, name)
            with psycopg.connect(url, autocommit=True) as watch:
                version = watch.info.parameter_status("server_version") or ""
                yield Database("postgresql", url, f"PostgreSQL {version.split()[0]}, {where}", watch)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _named(url: str, database: str) -> str:
    parts = urlsplit(url)
    # Not geturl(), which drops the slashes of an address without a host.
    return f"{parts.scheme}://{parts.netloc}/{database}{f'?{parts.query}' if parts.query else ''}"
