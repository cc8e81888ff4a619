"""
One request after another on a connection that stays open: for monitoring, beside the clients.
"""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

ANSWER_SECONDS = 60.0


class Connection:
    """A keep-alive connection to the service that opens again after a failure."""

    def __init__(self, url: str, *, timeout: float = ANSWER_SECONDS) -> None:
        parts = urlsplit(url)
        self._http = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """
        Send one request and read its answer.

        Raises:
            OSError, http.client.HTTPException: no answer came.
            ValueError: the answer is not JSON.
        """
        try:
            self._http.request("GET", path)
            response = self._http.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise

    def close(self) -> None:
        """Close the socket."""
        self._http.close()
