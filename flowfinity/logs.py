"""Structured logs: one JSON object a line for machines, plain words for a person at a terminal."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import structlog

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


def configuration(format: str) -> dict[str, Any]:
    """Django's LOGGING, and structlog set up to write through it."""
    structlog.configure(
        processors=[
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger("INFO"),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
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
        "loggers": {"django.request": {"level": "ERROR"}},
    }
