"""`manage.py dbshell`: Django's, with the password and the options that the pool has."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import dbshell
from django.db import connections

from core.backend.client import PsqlClient
from core.pool.passwords import PasswordUnavailable


class Command(dbshell.Command):
    help = "Run psql on the database that this service uses."

    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        connection.client = PsqlClient(connection)
        try:
            super().handle(**options)
        except PasswordUnavailable as error:
            raise CommandError(str(error)) from None
