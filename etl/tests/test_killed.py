"""Killed at any point, a rerun ends with the same rows as an undisturbed run."""

import os
import random
import signal
import subprocess
import sys

import pytest
from django.db import connection

from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from etl.maintenance.verify import verify
from etl.models import RawSale, Run
from etl.rows import SaleRow
from etl.tests.cast import instant
from etl.tests.loader import rows_in

ATTEMPTS = 40


def run_in_a_process(postgres: EmbeddedPostgres, order: str, fatal_commit: int) -> int:
    """Run the loader on the test's database; return how it ended."""
    url = postgres.url(connection.settings_dict["NAME"])
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", "etl.tests.loader", order, str(fatal_commit)]
    return subprocess.run(command, env=environment, timeout=60, check=False).returncode


def latest(rows: list[SaleRow]) -> dict[str, SaleRow]:
    return {row.sale_id: row for row in sorted(rows, key=instant)}


@pytest.mark.real_pool
class TestARunThatIsKilled:
    @pytest.mark.parametrize("order", ["ascending", "unordered"])
    def test_again_and_again_ends_with_the_rows_of_an_undisturbed_run(
        self, order: str, django_pool: SharedPool, postgres: EmbeddedPostgres
    ) -> None:
        chance, kills = random.Random(order), 0
        expected = {key: (row.quantity, row.event_id) for key, row in latest(list(rows_in(order))).items()}

        while run_in_a_process(postgres, order, chance.randrange(1, 12)) == -signal.SIGKILL:
            kills += 1
            assert kills < ATTEMPTS
            assert verify() == []

        found = {row.sale_id: (row.quantity, row.event_id) for row in RawSale.objects.all()}
        assert kills >= 2
        assert found == expected
        assert verify() == []
        outcomes = list(Run.objects.order_by("id").values_list("outcome", flat=True))
        assert outcomes.count("done") == 1
        assert set(outcomes) == {"killed", "done"}
