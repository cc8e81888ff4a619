"""
How a `manage.py` command ends that got no connection: one sentence; a traceback would tell nothing.
"""

import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line

from core.diagnosis import connect_failure

TRACEBACK = "--traceback"


def run(arguments: Sequence[str]) -> None:
    """
    Run the command that `arguments` name, the program first.

    Raises:
        SystemExit: it got no connection; the text is on standard error, the exit code 1.
    """
    try:
        execute_from_command_line(list(arguments))
    except Exception as error:
        sentence = connect_failure(error)
        if sentence is None or TRACEBACK in arguments:
            raise
        sys.exit(sentence)
