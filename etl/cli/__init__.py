"""
The subcommands of `manage.py etl`, one module each: its arguments, and a function that answers them.

A subcommand parses, asks one function of the ETL and prints; what goes wrong is in `etl.cli.exits`.
"""
