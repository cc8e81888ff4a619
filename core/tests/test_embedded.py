"""The Postgres that needs no installation survives what developers do to it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.embedded import THROWAWAY_PARAMETERS, EmbeddedPostgres, EmbeddedPostgresFailed
from core.tests.fixtures import eventually


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of this module's own; each test finds it stopped."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("embedded") / "data", parameters=THROWAWAY_PARAMETERS)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def server(initialised: EmbeddedPostgres) -> EmbeddedPostgres:
    initialised.stop("immediate")
    return initialised


def answer(server: EmbeddedPostgres, question: str, database: str = "postgres") -> object:
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
        return row and row[0]


class TestEmbeddedPostgres:
    def test_runs_the_programs_of_another_postgres_where_it_is_named(self, tmp_path: Path) -> None:
        other = EmbeddedPostgres(tmp_path / "data", programs=tmp_path / "bin")

        assert other.program("psql") == tmp_path / "bin" / "psql"
        assert EmbeddedPostgres(tmp_path / "data").program("psql").exists()

    def test_grants_postgres_default_of_100_connections(self, server: EmbeddedPostgres) -> None:
        server.start()

        assert answer(server, "SHOW max_connections") == "100"

    def test_starting_twice_keeps_the_one_server(self, server: EmbeddedPostgres) -> None:
        server.start()
        pid = server.pid

        server.start()

        assert server.pid == pid

    def test_another_object_finds_the_running_server(self, server: EmbeddedPostgres) -> None:
        server.start()

        found = EmbeddedPostgres(server.data_dir)
        found.start()

        assert (found.pid, found.url()) == (server.pid, server.url())

    def test_stopping_twice_is_no_error(self, server: EmbeddedPostgres) -> None:
        server.start()

        server.stop()
        server.stop()

        assert server.pid is None

    def test_starts_again_with_its_data_after_a_kill(self, server: EmbeddedPostgres) -> None:
        server.start()
        server.create_database("before_the_kill")
        killed = server.pid

        server.signal(signal.SIGKILL)
        eventually(lambda: server.pid is None)
        server.start()

        assert server.pid != killed
        assert answer(server, "SELECT current_database()", "before_the_kill") == "before_the_kill"

    def test_creating_a_database_twice_is_no_error(self, server: EmbeddedPostgres) -> None:
        server.start()

        server.create_database("to night")
        server.create_database("to night")

        assert answer(server, "SELECT count(*) FROM pg_database WHERE datname = 'to night'") == 1

    def test_listens_on_no_network_address(self, server: EmbeddedPostgres) -> None:
        server.start()

        assert answer(server, "SHOW listen_addresses") == ""

    def test_a_failed_start_shows_the_log_and_the_way_out(self, server: EmbeddedPostgres) -> None:
        wrong = EmbeddedPostgres(server.data_dir, parameters={"max_connections": "'many'"})

        with pytest.raises(EmbeddedPostgresFailed, match=r"(?s)max_connections.*Set DATABASE_URL"):
            wrong.start()


def test_the_folder_keeps_other_users_out(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", parameters=THROWAWAY_PARAMETERS)

    try:
        server.start()

        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    finally:
        server.remove()
