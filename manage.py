#!/usr/bin/env python
"""Run Turnstile's commands: `manage.py help` lists them."""

import os
import sys

from config.commands import run


def main() -> None:
    """Run the command on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "--demo" in sys.argv[2:] and sys.argv[1] == "serve":
        # Before Django reads its settings: the demo makes the keys and starts the Postgres they name.
        from config import demo  # noqa: PLC0415

        demo.prepare()
    run(sys.argv)


if __name__ == "__main__":
    main()
