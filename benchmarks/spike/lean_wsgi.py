"""
A study of servers: scans in front of Django's WSGI application, each in a thread of granian's that waits.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django_application = get_wsgi_application()

from analytics import deadlines  # noqa: E402 - it reads the settings
from analytics.recorder import scans  # noqa: E402
from config import service_key  # noqa: E402
from config.front import gates  # noqa: E402


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Record a scan, or let Django answer."""
    if environ["PATH_INFO"] != gates.PATH or not service_key.is_service_key(
        environ.get("HTTP_X_SERVICE_KEY")
    ):
        answer: Iterable[bytes] = django_application(environ, start_response)
        return answer
    heads = {b"host": environ["HTTP_HOST"].encode()}
    scope = {"path": gates.PATH, "method": environ["REQUEST_METHOD"], "headers": heads}
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    found = gates.understood(scope, heads, body)
    assert found is not None
    deadline = deadlines.begin(None)
    result = scans.recorder.submit(found.scan, deadline).result(deadline.seconds_left)
    said = gates.answer(found.reading, result)
    start_response("200 OK", [(name.decode(), value.decode()) for name, value in said.headers])
    return [said.body]
