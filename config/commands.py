"""
How a `manage.py` command ends that got no connection, or wrong settings: with sentences, not a traceback.
"""

import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line

from config.env import WrongSettings
from core.diagnosis import connect_failure

TRACEBACK = "--traceback"
# Also of what `serve` refuses, once it has seen the server.
WRONG_SETTINGS = 2


def run(arguments: Sequence[str]) -> None:
    """
    Run the command that `arguments` name, the program first.

    Raises:
        SystemExit: settings are wrong, each in one sentence on standard error, the exit code 2; or it got no
            connection, the exit code 1.
    """
    try:
        execute_from_command_line(list(arguments))
    except WrongSettings as error:
        if TRACEBACK in arguments:
            raise
        sys.stderr.writelines(f"{sentence}\n" for sentence in error.sentences)
        sys.exit(WRONG_SETTINGS)
    except Exception as error:
        sentence = connect_failure(error)
        if sentence is None or TRACEBACK in arguments:
            raise
        sys.exit(sentence)
