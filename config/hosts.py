"""
Which Host a request may name: one of ALLOWED_HOSTS; at the addresses that monitors ask, any.

A probe names the address of a pod or of a machine, which nobody knows beforehand.
"""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware import common

from health import urls as monitoring


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which refuses a Host that is not allowed, for every address but those of `health.urls`."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info in monitoring.PATHS:
            return None
        return super().process_request(request)
