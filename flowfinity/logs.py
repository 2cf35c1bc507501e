"""Structured logs: one JSON object a line for machines, plain words for a person at a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

# The one logger of structlog's own.
REQUESTS = "flowfinity.requests"
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def renderer(format: str) -> Any:
    """What turns an event into a line: `format` is json or text."""
    if format == "json":
        return structlog.processors.JSONRenderer(
            serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
        )
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


class Lines(structlog.stdlib.ProcessorFormatter):
    """Makes lines of what libraries log. What structlog logs is a line already: to take it apart and render it here
    would cost a poll that is answered from memory another tenth of its time.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return record.getMessage() if record.name == REQUESTS else super().format(record)


class Plain(logging.Filter):
    """Makes one line, a warning, of what is the caller's fault alone: a traceback through this site tells nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True: the line is written."""
        record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


def configuration(format: str) -> dict[str, Any]:
    """Django's LOGGING, and structlog set up to write through it."""
    structlog.configure(
        processors=[*SHARED, renderer(format)],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger("INFO"),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": Lines,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    renderer(format),
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        # A refused call is answered, has its line, and is shown in Configure: a second line would be noise.
        "filters": {"plain": {"()": Plain}},
        "loggers": {
            "django.request": {"level": "ERROR"},
            # A foreign Host header: scanners of the internet send one every few minutes.
            "django.security.DisallowedHost": {"filters": ["plain"]},
        },
    }
