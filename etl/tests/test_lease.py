"""One run of a source at a time, also when runs die."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from core import db
from etl.lease import HeldLease, LeaseHeld, LeaseLost, process_identity, take
from etl.loading.load import load_page
from etl.models import Lease, RawSale, Run
from etl.tests.cast import UPSTREAM, ListSource, page_of, run, sale


def lease(source: str = UPSTREAM) -> HeldLease:
    with db.get_engine().begin() as connection:
        return take(connection, source=source, run_id=None)


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which waits for its end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def held_by(pid: int) -> str:
    """Return what the process `pid` of this machine writes as the holder of a lease."""
    host, machine, *_ = process_identity.this_process().split(":")
    return f"{host}:{machine}:{pid}:{process_identity._started(pid)}:nonce"


@pytest.mark.django_db
class TestALease:
    def test_refuses_a_second_run_and_names_the_first(self) -> None:
        lease()

        with pytest.raises(LeaseHeld, match=r"'upstream' is at work \(process \d+ on .*, until 20.*: wait"):
            lease()

    def test_refuses_a_run_before_anything_is_written(self) -> None:
        lease()

        with pytest.raises(LeaseHeld):
            run(ListSource([sale()]))

        assert not Run.objects.exists()
        assert not RawSale.objects.exists()

    def test_belongs_to_one_source(self) -> None:
        lease()

        assert lease("pretix").source == "pretix"

    def test_is_free_when_the_run_ended(self) -> None:
        run(ListSource([sale()]))

        assert not Lease.objects.exists()
        assert lease().source == UPSTREAM

    def test_is_free_when_it_expired(self) -> None:
        lease()
        elsewhere = "elsewhere:0123456789ab:1:5:nonce"
        Lease.objects.update(holder=elsewhere, expires_at=timezone.now() - timedelta(seconds=1))

        assert lease().holder == Lease.objects.get().holder

    def test_is_not_free_while_its_process_lives(self, neighbour: subprocess.Popen[bytes]) -> None:
        lease()
        Lease.objects.update(holder=held_by(neighbour.pid))

        with pytest.raises(LeaseHeld, match=f"process {neighbour.pid} "):
            lease()

    def test_is_free_when_its_process_is_gone(self, neighbour: subprocess.Popen[bytes]) -> None:
        lease()
        Lease.objects.update(holder=held_by(neighbour.pid))
        neighbour.kill()
        neighbour.wait()

        assert lease().source == UPSTREAM

    def test_is_free_when_its_process_is_gone_and_its_id_in_use_again(
        self, neighbour: subprocess.Popen[bytes]
    ) -> None:
        lease()
        host, machine, pid, *_ = held_by(neighbour.pid).split(":")
        Lease.objects.update(holder=f"{host}:{machine}:{pid}:1:nonce")

        assert lease().source == UPSTREAM

    def test_of_another_machine_is_not_free_whatever_processes_are_here(self) -> None:
        lease()
        Lease.objects.update(holder=f"{process_identity._host()}:0123456789ab:1:5:nonce")

        with pytest.raises(LeaseHeld):
            lease()

    def test_that_was_lost_cannot_commit(self) -> None:
        lost = lease()
        Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        lease()

        with pytest.raises(LeaseLost, match="start again"):
            load_page(page_of([sale()]), source=UPSTREAM, now=timezone.now(), lease=lost)

        assert not RawSale.objects.exists()

    def test_is_renewed_with_each_page(self) -> None:
        mine = lease()
        soon = timezone.now() + timedelta(seconds=1)
        Lease.objects.update(expires_at=soon)

        load_page(page_of([sale()]), source=UPSTREAM, now=timezone.now(), lease=mine)

        assert Lease.objects.get().expires_at > soon

    def test_that_was_lost_takes_nothing_from_its_new_holder(self) -> None:
        lost = lease()
        Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        lease()

        with db.get_engine().begin() as connection:
            lost.release(connection)

        assert Lease.objects.exists()
