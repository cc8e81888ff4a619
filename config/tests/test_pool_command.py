"""`manage.py pool`: who holds what, asked of a running service."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from core.pool import SharedPool
from core.tests.fixtures import held

pytestmark = pytest.mark.real_pool


class TestTheCommand:
    def test_prints_both_views(self, live_server: LiveServer, django_pool: SharedPool) -> None:
        out = StringIO()

        with held(django_pool, 1):
            call_command("pool", url=live_server.url, stdout=out)

        assert "holder" in out.getvalue()
        assert "as the server sees them" in out.getvalue()

    def test_says_so_when_the_service_does_not_answer(self, django_pool: SharedPool) -> None:
        with pytest.raises(CommandError, match="is it running there, with this key"):
            call_command("pool", url="http://127.0.0.1:9", stdout=StringIO())
