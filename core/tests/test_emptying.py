"""A test that commits leaves empty tables, and content types and permissions as the migrations made them."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from core.tests.emptying import QuickTransactionTestCase, empty_tables, registered

pytestmark = pytest.mark.django_db(transaction=True)


def end_a_test() -> None:
    """Do what pytest-django does after a test that commits."""
    QuickTransactionTestCase("__init__")._fixture_teardown()


def size_of_users() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('auth_user')")
        return int(cursor.fetchone()[0])


class TestEmptying:
    def test_deletes_rows_that_others_refer_to(self) -> None:
        user = User.objects.create(username="ada")
        user.user_permissions.set(Permission.objects.all()[:3])

        empty_tables()

        assert (User.objects.count(), User.user_permissions.through.objects.count()) == (0, 0)

    def test_leaves_no_room_behind_where_much_was_written(self) -> None:
        User.objects.bulk_create(User(username=str(number), password="x" * 128) for number in range(4_000))

        empty_tables()

        assert size_of_users() == 0


class TestTheEndOfATest:
    def test_keeps_permissions(self) -> None:
        before = registered()

        end_a_test()

        assert registered() == before
        assert Permission.objects.exists()

    def test_makes_permissions_again_that_a_test_changed(self) -> None:
        count = Permission.objects.count()
        Permission.objects.filter(codename="view_user").delete()

        end_a_test()

        assert Permission.objects.count() == count
        assert Permission.objects.filter(codename="view_user").exists()
