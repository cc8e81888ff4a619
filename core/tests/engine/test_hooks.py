"""SQLAlchemy works where Django calls others in the middle of its own work (contract line L17)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.backends.signals import connection_created
from django.db.models.signals import post_save, pre_save
from sqlalchemy import text

from core import db
from core.pool import SharedPool

pytestmark = pytest.mark.real_pool


def count_groups() -> int:
    with db.get_engine().connect() as borrowed:
        return int(borrowed.scalar(text("SELECT count(*) FROM auth_group")) or 0)


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """What SQLAlchemy saw from inside a receiver of each of Django's signals."""
    counts: list[int] = []

    def receive(**_: Any) -> None:
        counts.append(count_groups())

    signals = [connection_created, pre_save, post_save]
    for each in signals:
        each.connect(receive)
    yield counts
    for each in signals:
        each.disconnect(receive)


class TestSqlalchemyInside:
    def test_a_receiver_of_connection_created(self, django_pool: SharedPool, seen: list[int]) -> None:
        connection.ensure_connection()

        assert Group.objects.count() == 0
        assert seen == [0]

    def test_a_receiver_of_connection_created_for_a_block(
        self, django_pool: SharedPool, seen: list[int]
    ) -> None:
        with transaction.atomic():
            Group.objects.create(name="north gate")

        assert seen == [0, 0, 1]
        assert Group.objects.count() == 1

    def test_a_receiver_of_a_models_signal(self, django_pool: SharedPool, seen: list[int]) -> None:
        connection.ensure_connection()
        seen.clear()

        Group.objects.create(name="north gate")

        assert seen == [0, 1]

    @pytest.mark.parametrize("in_a_block", [False, True])
    def test_an_execute_wrapper(self, django_pool: SharedPool, in_a_block: bool) -> None:
        counts: list[int] = []

        def wrapper(execute: Any, *arguments: Any) -> Any:
            counts.append(count_groups())
            return execute(*arguments)

        def work() -> None:
            with connection.execute_wrapper(wrapper):
                Group.objects.create(name="north gate")
                assert Group.objects.count() == 1

        if in_a_block:
            with transaction.atomic():
                work()
        else:
            work()

        assert counts[0] == 0
        assert counts[-1] == 1

    def test_a_callback_on_commit(self, django_pool: SharedPool) -> None:
        counts: list[int] = []

        with transaction.atomic():
            Group.objects.create(name="north gate")
            transaction.on_commit(lambda: counts.append(count_groups()))

        assert counts == [1]
        assert Group.objects.count() == 1
