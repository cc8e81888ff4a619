"""
Logging: one line per event on standard error, with the process id, for a supervisor to collect.
"""

from typing import Any


def logging_entry(*, level: str) -> dict[str, Any]:
    """Return Django's LOGGING; our own loggers at `level`, the libraries' at WARNING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": "{asctime} {levelname} [{process}] {name}: {message}", "style": "{"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level} for name in ("core", "analytics", "etl", "reports", "health")},
    }
