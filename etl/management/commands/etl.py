"""
`manage.py etl`: everything that staff do with the ETL. Each subcommand is a module of `etl.cli`.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from etl.cli import check_source, diff, rebuild, rejects, reset_cursor, run, status, verify
from etl.cli.exits import errors_as_sentences
from etl.cli.printer import Printer

SUBCOMMANDS = (run, status, diff, rejects, rebuild, verify, reset_cursor, check_source)


class Command(BaseCommand):
    help = (
        "Load events and ticket sales, and keep their summaries exact. Exit codes: 0 done, 1 failed, "
        "2 usage, 3 too many rejects, 4 another run loads this source, 130 and 143 stopped by "
        "SIGINT and SIGTERM."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
        for module in SUBCOMMANDS:
            subparser = subcommands.add_parser(module.NAME, help=module.HELP, description=module.HELP)
            module.add_arguments(subparser)
            subparser.set_defaults(answer=module.answer)

    def handle(self, *arguments: Any, **options: Any) -> None:
        with errors_as_sentences():
            options["answer"](options, Printer(self.stdout))
