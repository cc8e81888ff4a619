"""
Requests to an HTTP source: bounded in time and size, patient with a busy server, and discreet.

The credentials go to the source's own origin and nowhere else; no error, repr or log shows them.
"""

from collections.abc import Mapping
from typing import Self

# What a source may take in all for one page, waits between tries included, in seconds.
TOTAL_SECONDS = 120.0


class Requests:
    """
    Reads pages below one base URL, such as "https://tickets.example/api".

    `authorization` is the whole header, such as "Bearer …" or "Token …"; "" sends none. `token_cure` says how
    to set the token when it is refused.
    """

    def __init__(
        self,
        base: str,
        *,
        authorization: str = "",
        token_cure: str = "set ETL_SOURCE_TOKEN",
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        raise NotImplementedError

    def get(self, address: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """
        Return the body of `address`: a path below the base ("events"), or a URL of the same origin.

        Raises:
            SourceFailed: refused, unreachable for `total_seconds`, too large, or on another origin.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the sockets, and end a wait between two tries; a second call does nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
