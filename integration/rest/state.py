"""Who asks, for what, may they, and how fresh is it: one query (reference: the ORM's way costs twice all the rest).

Read before any row: what it says is then never newer than the rows, so a tag made of it is never too new.
Integers and text only, so that the one SQL text reads alike on both databases; a test compares it with the ORM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import Cursor

from integration.zapier_mode import ruling_lookback

COLUMNS = """
    SELECT u.id, u.username, u.password, u.display_name, u.is_active, u.account_type,
           s.query_enabled, s.execute_enabled, s.lookback_days, s.floor_ms, c.version"""
# By key: PostgreSQL never analyzes a table of one row, takes it for 2,000, and would compile (JIT) each query.
ACCOUNT = """
    FROM flowfinity_user u JOIN integration_surface s ON s.id = 1 JOIN flowfinity_configuration c ON c.id = 1"""
NOTHING = ", 0, 0, 0, 'flowfinity', NULL, 0, 0, 0, 0"


def target(table: str, column: str, grants: str, grant: str, more: str = "", join: str = "") -> str:
    """The query for a view or an operation, named within its app."""
    return f"""{COLUMNS},
           a.id, t.id, r.enabled, r.format, r.lookback_days, r.floor_ms, j.last_submission_id, j.last_submitted_ms,
           EXISTS (SELECT 1 FROM flowfinity_user_roles m JOIN {grants} g ON g.role_id = m.role_id
                   WHERE m.user_id = u.id AND g.{grant} = t.id){more}
    {ACCOUNT}
      LEFT JOIN flowfinity_app a ON lower(a.name) = %s
      LEFT JOIN {table} t ON t.app_id = a.id AND lower(t.name) = %s
      LEFT JOIN integration_restaccess r ON r.{column} = t.id
      LEFT JOIN flowfinity_journal j ON j.app_id = a.id{join}
    WHERE u.username = %s"""


SQL: Mapping[str, str] = {
    "": f"{COLUMNS}{NOTHING} {ACCOUNT} WHERE u.username = %s",
    "view": target(
        "flowfinity_view",
        "view_id",
        "flowfinity_role_views",
        "view_id",
        ", r.outages, p.id, p.last_ms, p.newest, p.outage_window_ms, p.outage_until_ms",
        """
      LEFT JOIN integration_poll p ON p.account_id = u.id AND p.view_id = t.id AND p.client = %s""",
    ),
    "feed": f"""{COLUMNS},
           a.id, a.id, r.enabled, r.format, r.lookback_days, r.floor_ms, j.last_submission_id, j.last_submitted_ms,
           EXISTS (SELECT 1 FROM flowfinity_user_roles m JOIN flowfinity_role_feeds g ON g.role_id = m.role_id
                   WHERE m.user_id = u.id AND g.app_id = a.id)
    {ACCOUNT}
      LEFT JOIN flowfinity_app a ON lower(a.name) = %s
      LEFT JOIN integration_restaccess r ON r.feed_of_id = a.id
      LEFT JOIN flowfinity_journal j ON j.app_id = a.id
    WHERE u.username = %s""",
    "operation": target("flowfinity_operation", "operation_id", "flowfinity_role_operations", "operation_id"),
}


@dataclass(frozen=True, slots=True)
class State:
    """What a request is answered from. `app` and `target` are keys, 0 or None where there is none."""

    account: int
    username: str
    password: str
    display_name: str
    active: bool
    account_type: str
    query_enabled: bool
    execute_enabled: bool
    site_lookback_days: int
    site_floor_ms: int
    version: int
    app: int | None
    target: int | None
    enabled: bool | None
    format: str | None
    lookback_days: int | None
    floor_ms: int | None
    last_submission_id: int | None
    last_submitted_ms: int | None
    granted: bool
    # Of a view: whether outages are made up for, and what is known of the client that polls it.
    outages: bool | None = None
    poll: int | None = None
    poll_last_ms: int | None = None
    poll_newest: int | None = None
    poll_outage_window_ms: int | None = None
    poll_outage_until_ms: int | None = None

    @property
    def allowed(self) -> bool:
        """Whether what is asked for exists, is enabled, and is granted to the account by a role."""
        return bool(self.target and self.enabled and self.granted)

    @property
    def lookback(self) -> tuple[int, int]:
        """The lookback that rules, in days, and its floor in ms: the view's own, else the site's."""
        return ruling_lookback(self.lookback_days, self.floor_ms, self.site_lookback_days, self.site_floor_ms)


def planned_cursor() -> Any:
    """A cursor whose statement PostgreSQL plans once a connection: planning costs more than reading the rows."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql":
        return database.cursor()
    database.ensure_connection()
    # In Django's wrapper: the query is counted, its errors are Django's. The cursor is psycopg's own, since Django's
    # binds its arguments in the client, and PostgreSQL then sees another statement each time.
    return database._prepare_cursor(Cursor(database.connection))  # type: ignore[attr-defined]


def find(kind: str, username: str, app: str = "", name: str = "", client: str = "") -> State | None:
    """The state of the account for a view, an operation or a feed (`kind`), or None when there is no such account.

    `client` is what the poller of a view calls itself.
    """
    named = [app.lower(), name.lower(), username]
    arguments = {"": [username], "feed": [app.lower(), username], "operation": named}.get(kind)
    if arguments is None:
        arguments = [app.lower(), name.lower(), client, username]
    with planned_cursor() as cursor:
        cursor.execute(SQL[kind], arguments)
        row = cursor.fetchone()
    return State(*row) if row else None
