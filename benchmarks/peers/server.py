"""
A Postgres for each run: the embedded one, or one of this machine that has the contrib modules.

Django's tests of its Postgres fields, and some of SQLAlchemy's, need hstore, citext and the like. The wheel's
Postgres comes without them.
"""

import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from core.embedded import SUPERUSER, THROWAWAY_PARAMETERS, EmbeddedPostgres

DATABASE = "peers"
PARAMETERS = {
    **THROWAWAY_PARAMETERS,
    "max_connections": "200",
    # SQLAlchemy tests two-phase commits; its tests of text search expect this configuration.
    "max_prepared_transactions": "20",
    "default_text_search_config": "'pg_catalog.english'",
}

# The socket's folder is closed to others. A port asks for a password, sent as text, which takes no time.
ACCESS = """\
local all all trust
host all all 127.0.0.1/32 password
"""


@cache
def programs_with_contrib() -> Path | None:
    """Return the folder of this machine's Postgres that comes with contrib; None when there is none."""
    if shutil.which("pg_config") is None:
        return None
    programs, shared = map(Path, _output("pg_config", "--bindir", "--sharedir").splitlines())
    has_all = (programs / "initdb").exists() and (shared / "extension" / "hstore.control").exists()
    return programs if has_all else None


@contextmanager
def server(folder: Path, extensions: Sequence[str], statements: Sequence[LiteralString]) -> Iterator[str]:
    """Run a server on new data in `folder`; give the URL of a database with `extensions` and `statements`."""
    port, password = str(_free_port()), secrets.token_hex()
    rules = folder / "pg_hba.conf"
    rules.write_text(ACCESS)
    # Some tests put a proxy before the server, or name its host and port.
    listening = {"listen_addresses": "'127.0.0.1'", "port": port, "hba_file": f"'{rules}'"}
    postgres = EmbeddedPostgres(
        folder / "data", parameters={**PARAMETERS, **listening}, programs=programs_with_contrib()
    )
    try:
        postgres.start()
        url = f"postgresql://{SUPERUSER}@/{{}}?host={postgres.socket_dir}&port={port}".format
        _create_database(url(SUPERUSER), password)
        _prepare(url(DATABASE), extensions if programs_with_contrib() else (), statements)
        yield f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/{DATABASE}"
    finally:
        postgres.remove()


def remove(folder: Path) -> None:
    """Stop the server that a killed run may have left below `folder`."""
    EmbeddedPostgres(folder / "data", programs=programs_with_contrib()).remove()


def version() -> str:
    """Return what the document calls this Postgres."""
    programs = programs_with_contrib()
    postgres = EmbeddedPostgres(Path("unused"), programs=programs)
    number = _output(str(postgres.program("postgres")), "--version").split()[-1]
    return f"PostgreSQL {number} ({'with' if programs else 'embedded, without'} contrib)"


def _create_database(url: str, password: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(SUPERUSER), password))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _prepare(url: str, extensions: Sequence[str], statements: Sequence[LiteralString]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name in extensions:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(name)))
        for statement in statements:
            connection.execute(statement)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
