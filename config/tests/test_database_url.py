"""DATABASE_URL is taken as said, or refused with one sentence that quotes no secret (contract line M1)."""

from typing import Any

import psycopg
import pytest

from config import database_url
from config.database_url import UrlRefused
from core.pool import parameters


def read(url: str) -> dict[str, Any]:
    return database_url.read(url)


def query(text: str) -> dict[str, Any]:
    return read(f"postgres://u:p@db/name?{text}")


class TestTheAddress:
    @pytest.mark.parametrize(
        ("url", "host", "port"),
        [
            ("postgres://u:p@db.example:5433/name", "db.example", 5433),
            ("postgresql://u:p@db.example/name", "db.example", ""),
            ("postgres://u:p@[::1]:5433/name", "::1", 5433),
            ("postgres://u:p@one:5432,two:5433/name", "one,two", "5432,5433"),
            ("postgres://u:p@one:5432,two/name", "one,two", "5432,"),
            ("postgres://u:p@one,two/name", "one,two", ""),
            ("postgres://u:p@%2Fvar%2Frun%2Fpostgresql/name", "/var/run/postgresql", ""),
            ("postgres://u:p@%2Fvar%2Frun:5433/name", "/var/run", 5433),
            ("postgres:////var/run/postgresql/name", "/var/run/postgresql", ""),
            ("postgres://u:p@/name?host=/var/run&port=5433", "/var/run", 5433),
            ("postgres://u:p@/name?host=one,two&port=5432,5433", "one,two", "5432,5433"),
            ("postgres://u:p@/name", "", ""),
        ],
    )
    def test_is_read_as_libpq_reads_it(self, url: str, host: str, port: str | int) -> None:
        entry = read(url)

        assert (entry["HOST"], entry["PORT"], entry["NAME"]) == (host, port, "name")
        assert entry["OPTIONS"] == {}
        if not url.startswith("postgres:////"):
            theirs = psycopg.conninfo.conninfo_to_dict(url)
            assert theirs.get("host", "") == host
            # "," is: of each its default.
            assert str(theirs.get("port", "")).removeprefix(",") == str(port)

    def test_has_a_login_that_is_percent_encoded(self) -> None:
        entry = read("postgres://g%40te:p%40%2F%23%3F%25:w@db/na%2Fme")

        assert (entry["USER"], entry["PASSWORD"], entry["NAME"]) == ("g@te", "p@/#?%:w", "na/me")

    def test_may_stand_after_the_question_mark(self) -> None:
        entry = read("postgres://?host=db&user=gate&password=s%40fe&dbname=turnstile")

        found = (entry["HOST"], entry["USER"], entry["PASSWORD"], entry["NAME"])
        assert found == ("db", "gate", "s@fe", "turnstile")

    def test_needs_no_name_where_a_service_gives_it(self) -> None:
        assert read("postgres://?service=gates")["OPTIONS"] == {"service": "gates"}


class TestAnUnencodedPassword:
    @pytest.mark.parametrize(
        "password", ["hun@ter2", "hun/ter2", "hun#ter2", "hun?ter2", "hun%ter2", "hun@/ter2"]
    )
    def test_is_refused_and_no_piece_of_it_shown(self, password: str) -> None:
        with pytest.raises(UrlRefused, match="percent-encod") as refused:
            read(f"postgres://gate:{password}@db.example:5432/turnstile?sslmode=require")

        assert "hun" not in str(refused.value)
        assert "ter2" not in str(refused.value)


class TestAnAddressThatCannotBeRead:
    @pytest.mark.parametrize(
        ("url", "cure"),
        [
            ("mysql://gate:hunter2@db/name", "does not start with postgres://"),
            ("postgres:/gate:hunter2@db/name", "does not start with postgres://"),
            ("postgres://gate:hunter2@db:port/name", r"\[::1\]:5432 for IPv6"),
            ("postgres://gate:hunter2@::1/name", r"\[::1\]:5432 for IPv6"),
            ("postgres://gate:hunter2@db:65536/name", "from 1 to 65535"),
            ("postgres://gate:hunter2@db:0/name", "from 1 to 65535"),
            ("postgres://gate:hunter2@db", "names no database"),
            ("postgres://gate:hunter2@db/", "names no database"),
            ("postgres://gate:hunter2@db/name/", "has a / in the name"),
            ("postgres://gate:hunter2@db/na%00me", "%00"),
            ("postgres://gate:hunter2@db/na%ffme", "no UTF-8"),
            ("postgres://gate:hunter2@db/name?host=other", "gives the host twice"),
            ("postgres://gate:hunter2@db/name?password=other", "gives the password twice"),
        ],
    )
    def test_is_refused_with_the_cure(self, url: str, cure: str) -> None:
        with pytest.raises(UrlRefused, match=cure) as refused:
            read(url)

        assert "hunter2" not in str(refused.value)


class TestAFlag:
    @pytest.mark.parametrize(
        "name", ["ATOMIC_REQUESTS", "AUTOCOMMIT", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS"]
    )
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            *((text, False) for text in ("false", "False", "0", "off", "no")),
            *((text, True) for text in ("true", "True", "1", "on", "yes")),
        ],
    )
    def test_of_django_is_what_it_says(self, name: str, text: str, *, value: bool) -> None:
        assert query(f"{name}={text}")[name] is value
        assert query(f"{name.lower()}={text}")[name] is value

    @pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False)])
    def test_of_the_binding_is_what_it_says(self, text: str, *, value: bool) -> None:
        assert query(f"server_side_binding={text}")["OPTIONS"] == {"server_side_binding": value}

    def test_that_is_neither_is_refused(self) -> None:
        with pytest.raises(UrlRefused, match="ATOMIC_REQUESTS='maybe', which is neither true nor false"):
            query("ATOMIC_REQUESTS=maybe")


class TestAnOption:
    @pytest.mark.parametrize(
        ("text", "options"),
        [
            ("connect_timeout=2", {"connect_timeout": 2}),
            ("options=-c%20lock_timeout%3D300", {"options": "-c lock_timeout=300"}),
            ("options=-c lock_timeout=300", {"options": "-c lock_timeout=300"}),
            ("application_name=a+b", {"application_name": "a+b"}),
            ("target_session_attrs=read-write", {"target_session_attrs": "read-write"}),
            ("ssl=true", {"sslmode": "require"}),
            ("sslmode=verify-full&sslrootcert=/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
            ("isolation_level=serializable", {"isolation_level": 4}),
            ("prepare_threshold=5", {"prepare_threshold": 5}),
            ("assume_role=gates", {"assume_role": "gates"}),
        ],
    )
    def test_is_what_it_says(self, text: str, options: dict[str, Any]) -> None:
        assert query(text)["OPTIONS"] == options

    @pytest.mark.parametrize(
        ("text", "cure"),
        [
            ("conect_timeout=2", "conect_timeout, which is unknown: did you mean connect_timeout"),
            ("atomic_request=1", "did you mean atomic_requests"),
            ("sslmod=require", "did you mean sslmode"),
            ("xyz=1", "which is unknown: docs/settings.md"),
            ("pool=true", "POOL_SIZE"),
            ("replication=database", "which is unknown"),
            ("autocommits", "without a value"),
            ("sslmode=require&sslmode=disable", "sslmode twice"),
            ("sslmode=required", "sslmode='required': use disable or allow or"),
            ("target_session_attrs=readwrite", "use any or read-write"),
            ("connect_timeout=soon", "use a whole number, 1 or more"),
            ("connect_timeout=0", "use a whole number, 1 or more"),
            ("isolation_level=snapshot", "use read-uncommitted or"),
            ("client_encoding=latin1", "use UTF8"),
            ("CONN_MAX_AGE=60", "the pool keeps the connections"),
            ("ssl=false", "use true"),
            ("=1", "whose name cannot be read"),
        ],
    )
    def test_that_cannot_be_followed_is_refused_with_the_cure(self, text: str, cure: str) -> None:
        with pytest.raises(UrlRefused, match=cure):
            query(text)

    def test_of_libpq_is_known_without_a_list_of_ours(self) -> None:
        assert {"krbsrvname", "require_auth", "sslcrl"} <= parameters.names()
        assert query("sslcrl=/revoked.pem")["OPTIONS"] == {"sslcrl": "/revoked.pem"}
