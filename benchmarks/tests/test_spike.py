"""The comparison measures what it says: each system answers, and stores what it answered."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from benchmarks.rig.folder import temporary
from benchmarks.siege.stage import stage, template
from benchmarks.spike import cell, million, results, service, systems
from benchmarks.spike.cell import Round
from benchmarks.spike.results import Rounds
from core.embedded import EmbeddedPostgres
from core.pgbouncer import PROGRAM


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not below pytest's: the server has another user, where this one is root.
    with temporary("spike") as path:
        yield path


@pytest.fixture(scope="module")
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    with service.database(folder, {"fsync": "off"}) as running:
        yield running


def validate(port: int) -> dict[str, object]:
    from analytics import qr

    token = qr.sign({"ticket_id": "T-1", "event": service.EVENT, "user": "guest"})
    headers = {"X-Service-Key": service.KEYS["SERVICE_API_KEY"]}
    answer = httpx.post(
        f"http://127.0.0.1:{port}/validate-qr", json={"qr_text": token}, headers=headers, timeout=10
    )
    # What `analytics.spike` reads, where there is no wrk.
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("system", [*systems.SYSTEMS, *systems.WAYS_IN])
class TestASystem:
    def test_stores_what_it_answers(
        self, system: str, postgres: EmbeddedPostgres, folder: Path, settings: object
    ) -> None:
        settings.QR_SIGNING_KEY = service.KEYS["QR_SIGNING_KEY"]  # type: ignore[attr-defined]
        if service.ALL[system].is_behind_pgbouncer and PROGRAM is None:
            pytest.skip("needs PgBouncer (Debian: apt-get install pgbouncer)")
        if system == systems.DJANGO_CONNECTION_POOL:
            pytest.importorskip("dj_db_conn_pool", reason="needs make .venv/bin/bench-ready")
        if service.ALL[system].commit and not (service.ROOT / ".git").exists():
            pytest.skip("needs the repository's history")
        with (
            service.running(system, postgres, folder) as running,
            psycopg.connect(running.url, autocommit=True) as connection,
        ):
            cell.empty(connection)
            answer = validate(running.port)
            [(stored,)] = connection.execute("SELECT count(*) FROM ticket_scans").fetchall()

        assert answer["isValid"] is True
        assert answer["outcome"] == "admitted"
        assert stored == (0 if system == systems.NO_DATABASE else 1)


@pytest.mark.slow
class TestAMillion:
    def test_in_short_keeps_every_promise(self, folder: Path) -> None:
        inner = folder / "million"
        inner.mkdir()
        inner.chmod(0o711)
        with template(inner, rows=10) as made, stage("turnstile", inner, made) as running:
            broken = million._run(running, 4000, kills=1)

        assert set(broken) == set(million.CHECKS)
        assert not any(broken.values()), broken


def rounds(*rates: float, **other: float) -> Rounds:
    figures = {"p50": 1.0, "p99": 10.0, "failed": 0, "connections": 2, "python": 0.2, "postgres": 0.1}
    more = {"memory": 100.0, "per_commit": 9.0}
    return Rounds(Round(**{**figures, **more, "rate": rate, **other}) for rate in rates)  # type: ignore[arg-type]


@pytest.fixture
def report() -> Any:
    """The module, which also draws."""
    pytest.importorskip("matplotlib", reason="needs matplotlib (make .venv/bin/bench-ready)")
    return import_module("benchmarks.spike.report")


class TestTheReport:
    def test_compares_medians(self, report: Any) -> None:
        matrix = {64: {systems.TURNSTILE: rounds(40, 50, 10), systems.DJANGO_POOL: rounds(8, 7, 9)}}

        found = {row.what: row for row in report.targets(matrix)}

        assert found["64 clients: validations/s against Django's pool"].value == "5 x"
        assert found["64 clients: validations/s against Django's pool"].is_met

    def test_says_what_failed_and_that_it_is_not_met(self, report: Any) -> None:
        ours, theirs = rounds(9, failed=2), rounds(9)

        rows = list(report.targets({512: {systems.TURNSTILE: ours, systems.DJANGO_POOL: theirs}}))

        assert [row.is_met for row in rows if row.what == "512 clients: failed"] == [False]

    def test_reads_what_was_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(results, "FOLDER", tmp_path)
        results.save(systems.QUEUEPOOL, 16, rounds(1, 2))

        assert results.load() == {16: {systems.QUEUEPOOL: rounds(1, 2)}}
