"""
How tables are emptied after a test that commits: row by row, in a millisecond or two.

Django truncates every table instead, and makes its content types and permissions again: a tenth of a second,
more than most of these tests take. `config.testing` loads this module as a plugin.
"""

from collections.abc import Iterator
from typing import Any

import django.test
import pytest
from django.db import connection

# Waits for whoever still uses a table, as TRUNCATE does. What is large, or was before a rollback, would leave
# too many dead rows behind.
_EMPTY_TABLES = """
DO $$
DECLARE
    emptied regclass;
BEGIN
    -- All of them are emptied: no foreign key has to be looked at.
    SET LOCAL session_replication_role = replica;
    FOR emptied IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
        ORDER BY relname
    LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', emptied);
        IF pg_relation_size(emptied) > 64 * 8192 THEN
            EXECUTE format('TRUNCATE %s CASCADE', emptied);
        ELSE
            EXECUTE format('DELETE FROM %s', emptied);
        END IF;
    END LOOP;
END $$
"""
_REGISTERED = """
SELECT
    (SELECT md5(string_agg(kind::text, ',' ORDER BY kind.id)) FROM django_content_type kind),
    (SELECT md5(string_agg(permission::text, ',' ORDER BY permission.id)) FROM auth_permission permission)
"""


def empty_tables() -> None:
    """Delete every row but those of migrations, content types and permissions."""
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY_TABLES)


def registered() -> tuple[Any, ...]:
    """Return what differs when content types or permissions do."""
    with connection.cursor() as cursor:
        cursor.execute(_REGISTERED)
        return tuple(cursor.fetchone())


class QuickTransactionTestCase(django.test.TransactionTestCase):
    """What pytest-django makes of a test that commits; it leaves empty tables behind, as Django's does."""

    _as_migrated: tuple[Any, ...] = ()

    @classmethod
    def _fixture_setup(cls) -> None:
        # django-stubs leaves out what is private.
        super()._fixture_setup()  # type: ignore[misc]
        if not cls._as_migrated:
            QuickTransactionTestCase._as_migrated = registered()

    def _fixture_teardown(self) -> None:
        if registered() == self._as_migrated:
            empty_tables()
        else:
            super()._fixture_teardown()  # type: ignore[misc]
            # Made again, with other numbers.
            QuickTransactionTestCase._as_migrated = registered()


@pytest.fixture(scope="session", autouse=True)
def _quick_teardown() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django.test, "TransactionTestCase", QuickTransactionTestCase)
        yield
