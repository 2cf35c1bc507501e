"""What must be settled before Django reads its settings: where a test run keeps its data, and which database it uses.

Loaded by `-p tests.plugin` (pyproject.toml), because a conftest.py comes too late: pytest-django has read the settings.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, Missing

# What a developer has set for a site of his own would change what the tests see.
SITE_SETTINGS = [
    *("ALLOWED_HOSTS", "DEBUG", "DEMO", "DEMO_PASSWORD", "HOST", "PORT", "PUBLIC_URL", "REDIS_URL", "SECRET_KEY"),
    *("SITE_NAME", "TEST_CLOCK", "TIME_ZONE", "TRUSTED_PROXIES", "WEB_WORKERS", "ADMIN_USERNAME", "ADMIN_PASSWORD"),
    *("EMAIL_URL", "EMAIL_FROM", "API_CALLS_A_MINUTE", "API_WRONG_PASSWORDS_A_MINUTE"),
]


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Points DATA_DIR into a temporary directory and DATABASE_URL at SQLite, or at PostgreSQL with DB=postgres."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:  # it has inherited all the rest from the process that started it
        os.environ["DATA_DIR"] += f"/{worker}"
    else:
        for name in SITE_SETTINGS:
            os.environ.pop(name, None)
            os.environ.pop(f"{name}_FILE", None)
        directory = tempfile.TemporaryDirectory(prefix="flowfinity-", ignore_cleanup_errors=True)
        early_config.add_cleanup(directory.cleanup)
        os.environ["DATA_DIR"] = directory.name
        _choose_database(early_config)
    # WhiteNoise warns of a missing directory, and a warning fails a test.
    Path(os.environ["DATA_DIR"], "static").mkdir(parents=True)
    return (yield)


def pytest_report_header() -> str:
    return f"database: {os.environ['DATABASE_URL'].partition(':')[0] if 'DATABASE_URL' in os.environ else 'sqlite'}"


def _choose_database(config: pytest.Config) -> None:
    choice = os.environ.get("DB", "sqlite")
    if choice == "sqlite":
        os.environ.pop("DATABASE_URL", None)
        os.environ.pop("DATABASE_URL_FILE", None)
    elif choice != "postgres":
        raise pytest.UsageError(f"DB must be sqlite or postgres, not {choice!r}.")
    elif not os.environ.get("DATABASE_URL", "").startswith(("postgres://", "postgresql://")):
        try:
            cluster = Cluster()
        except Missing as reason:
            if os.environ.get("CI") == "true":
                raise pytest.UsageError(f"{reason} CI must not skip the tests on PostgreSQL.") from None
            print(f"SKIPPED: the tests on PostgreSQL. {reason}", file=sys.stderr)
            raise SystemExit(0) from None
        config.add_cleanup(cluster.stop)
        os.environ["DATABASE_URL"] = cluster.url
