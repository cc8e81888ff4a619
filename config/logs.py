"""
Logging: one line per event on standard error, with the process id, for a supervisor to collect.
"""

import logging
from typing import Any

CLIENTS_MISTAKES, SERVERS_MISTAKES = 400, 500


class NotDiagnosed(logging.Filter):
    """Keep Django's line about an error, unless `core.diagnosis` has logged the cause of this 503 already."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(getattr(record, "request", None), "is_diagnosed", False)


class OneLine(logging.Filter):
    """Let a request that is refused, the client's mistake, be one line: its traceback says nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        if CLIENTS_MISTAKES <= getattr(record, "status_code", 0) < SERVERS_MISTAKES:
            record.exc_info = record.exc_text = None
        return True


def logging_entry(*, level: str) -> dict[str, Any]:
    """Return Django's LOGGING; our own loggers at `level`, the libraries' at WARNING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": "{asctime} {levelname} [{process}] {name}: {message}", "style": "{"},
        },
        "filters": {"not_diagnosed": {"()": NotDiagnosed}, "one_line": {"()": OneLine}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "django.request": {"filters": ["not_diagnosed", "one_line"]},
            **{name: {"level": level} for name in ("core", "analytics", "etl", "reports", "health")},
        },
    }
