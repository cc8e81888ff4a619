"""
`manage.py dbshell`: psql on the very server that the pool uses, with every option of it.
"""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql.client import DatabaseClient

from core.pool.parameters import conninfo_without_secrets

_ADDRESS = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER"}


class PsqlClient(DatabaseClient):
    """Django's own passes on the address and six of the options; a connection string has them all."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return psql's arguments, which hold no secret, and what its environment has besides."""
        address = {name: settings_dict.get(key) for name, key in _ADDRESS.items()}
        conninfo = conninfo_without_secrets({**settings_dict["OPTIONS"], **address})
        password = settings_dict.get("PASSWORD")
        return [cls.executable_name, *parameters, conninfo], {
            "PGPASSWORD": str(password)
        } if password else None
