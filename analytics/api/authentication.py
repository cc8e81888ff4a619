"""
Who may write, sign and read statistics: whoever sends the service's key.
"""

from django.http import HttpRequest
from ninja.security import APIKeyHeader

from core import service_key


class ServiceKey(APIKeyHeader):
    """Asks for the service's key in its header, before the body is read. Asks no database."""

    param_name = service_key.HEADER

    def authenticate(self, request: HttpRequest, key: str | None) -> bool:
        return service_key.is_service_key(key)
