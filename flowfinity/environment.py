"""Reads settings from the environment and refuses what it cannot read.

A site that starts with a misread setting loses records later; one that does not start says why at once.
"""

from __future__ import annotations

import os
import secrets
import zoneinfo
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The variable's value, or the content of the file that `NAME_FILE` names (Docker secrets)."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, "").strip() or default


def switch(name: str, default: bool = False) -> bool:
    """True for 1, yes, true, on; False for 0, no, false, off. Raises ImproperlyConfigured for anything else."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "yes", "true", "on"}:
        return True
    if value in {"0", "no", "false", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0 (or yes/no, true/false, on/off), not {value!r}.")


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    """One of the choices. Raises ImproperlyConfigured for anything else."""
    value = text(name).lower() or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(choices)}, not {value!r}.")
    return value


def whole(name: str, default: int, least: int = 0) -> int:
    """The variable as a whole number of at least `least`. Raises ImproperlyConfigured otherwise."""
    value = text(name)
    if not value:
        return default
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} up, not {value!r}.")
    return int(value)


def public_url() -> str:
    """`PUBLIC_URL` without its last slash, or "". Raises ImproperlyConfigured unless it is scheme://host[:port]."""
    value = text("PUBLIC_URL").rstrip("/")
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.username:
        raise ImproperlyConfigured(f"PUBLIC_URL must look like https://records.example.com, not {value!r}.")
    return value


def time_zone() -> str:
    """`TIME_ZONE`, UTC by default. Raises ImproperlyConfigured for a zone that is not known."""
    name = text("TIME_ZONE", "UTC")
    if name not in zoneinfo.available_timezones():
        raise ImproperlyConfigured(f"TIME_ZONE must be a zone like Europe/Berlin or UTC, not {name!r}.")
    return name


def mail() -> dict[str, Any]:
    """Django's settings for `EMAIL_URL` and `EMAIL_FROM`; without `EMAIL_URL`, mail goes nowhere.

    Accepts `smtp://user:password@host:port` (encrypted by STARTTLS; `?starttls=no` turns that off), `smtps://…`
    (encrypted from the start) and `console:`, which writes mail to standard output. Raises ImproperlyConfigured for
    anything else, and for an `EMAIL_URL` without `EMAIL_FROM`.
    """
    url, sender = text("EMAIL_URL"), text("EMAIL_FROM")
    backends = "django.core.mail.backends"
    if not url:
        return {"EMAIL_BACKEND": f"{backends}.dummy.EmailBackend"}
    if "@" not in sender:
        raise ImproperlyConfigured("EMAIL_URL needs EMAIL_FROM, the address that mail comes from.")
    found: dict[str, Any] = {"DEFAULT_FROM_EMAIL": sender, "SERVER_EMAIL": sender}
    if url.rstrip("/") == "console:":
        return {**found, "EMAIL_BACKEND": f"{backends}.console.EmailBackend"}
    parts = urlsplit(url)
    starttls = dict(parse_qsl(parts.query)).get("starttls", "yes")
    try:
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"EMAIL_URL has a port that is no number: {error}.") from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or starttls not in {"yes", "no"}:
        raise ImproperlyConfigured("EMAIL_URL must look like smtp://user:password@mail.example.com:587, or console:.")
    implicit = parts.scheme == "smtps"
    return {
        **found,
        "EMAIL_BACKEND": f"{backends}.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if implicit else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": implicit,
        "EMAIL_USE_TLS": not implicit and starttls == "yes",
        # One that is away must not hold up whoever asks.
        "EMAIL_TIMEOUT": 10,
    }


def secret_key(kept_in: Path) -> str:
    """`SECRET_KEY`, else the key kept in the data directory, made there at the first start."""
    if given := text("SECRET_KEY"):
        return given
    path = kept_in / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text(encoding="ascii").strip()


def database(kept_in: Path) -> dict[str, Any]:
    """Django's settings for `DATABASE_URL`; without one, SQLite in the data directory.

    Accepts `postgresql://user:password@host:port/name?option=value` (`postgres://` is the same; a socket's
    directory goes into `?host=`) and `sqlite:///path`. Raises ImproperlyConfigured for anything else.
    """
    url = text("DATABASE_URL") or f"sqlite:///{kept_in / 'flowfinity.sqlite3'}"
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # IMMEDIATE is the write lock (WAL alone fails 80% of concurrent read-then-write transactions);
                # FULL keeps an acknowledged submission through a power cut.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        try:
            port = parts.port
        except ValueError as error:
            raise ImproperlyConfigured(f"DATABASE_URL has a port that is no number: {error}.") from None
        options: dict[str, Any] = dict(parse_qsl(parts.query))
        # A poll's state query is planned once a connection, not at each poll. Behind a pooler that does not keep
        # statements, `?prepare_threshold=none` turns it off.
        threshold = options.get("prepare_threshold", "2")
        if threshold != "none" and not threshold.isdecimal():
            raise ImproperlyConfigured("DATABASE_URL has a prepare_threshold that is neither a whole number nor none.")
        options["prepare_threshold"] = None if threshold == "none" else int(threshold)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
            "PORT": str(port or ""),
            # Django's default, a connection a request, costs an empty poll eight times its time.
            "CONN_MAX_AGE": None,
            # A cursor on the server is three statements where a poll's rows are one.
            "DISABLE_SERVER_SIDE_CURSORS": True,
            "OPTIONS": options,
        }
    raise ImproperlyConfigured(
        "DATABASE_URL must start with postgresql:// or sqlite:/// (three slashes, then the path)."
    )
