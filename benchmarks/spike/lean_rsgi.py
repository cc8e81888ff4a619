"""
A study of servers: scans through granian's own interface, RSGI; nothing else is answered but /health.
"""

import config.asgi  # noqa: F401 isort: skip - it sets Django up

from typing import Any

from analytics import deadlines
from config import service_key
from config.front import gates
from config.front.timers import Timers

_timers = Timers()


async def application(scope: Any, protocol: Any) -> None:
    """Record a scan."""
    if scope.path != gates.PATH:
        protocol.response_str(200, [], "alive")
        return
    heads = {name.encode(): value.encode() for name, value in scope.headers.items()}
    assert service_key.is_service_key(heads.get(b"x-service-key"))
    deadline = deadlines.begin(None)
    body = await protocol()
    request = {"path": scope.path, "method": scope.method, "headers": heads}
    found = gates.understood(request, heads, body)
    assert found is not None
    said = gates.answer(found.reading, await gates.decided(found.scan, deadline, _timers))
    headers = [(name.decode(), value.decode()) for name, value in said.headers]
    protocol.response_bytes(said.status, headers, said.body)
