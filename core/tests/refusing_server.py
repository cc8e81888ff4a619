"""A server that refuses every login, in the words and with the SQLSTATE that a test gives it."""

import socket
import threading
from typing import Self

# What a client reads of an ErrorResponse: severity, the same untranslated, SQLSTATE, message.
_FIELDS = b"S%s\0V%s\0C%s\0M%s\0Fauth.c\0L317\0Rauth_failed\0\0"


class RefusingServer:
    """
    Listens on loopback TCP.

    Attributes:
        attempts: how many logins it has refused.
    """

    def __init__(self, sqlstate: str, message: str, *, severity: str = "FATAL") -> None:
        words = (severity.encode(), b"FATAL", sqlstate.encode(), message.encode())
        fields = _FIELDS % words
        self._answer = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self.attempts = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._refuse, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed.set()
        # Wakes accept(), which closing alone does not.
        socket.create_connection(self._listener.getsockname()).close()
        self._listener.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def conninfo(self) -> str:
        """Return connection parameters that lead here."""
        return f"host=127.0.0.1 port={self.port} user=gate dbname=gates sslmode=disable gssencmode=disable"

    def url(self, password: str) -> str:
        """Return the same as a URL."""
        options = "sslmode=disable&gssencmode=disable"
        return f"postgres://gate:{password}@127.0.0.1:{self.port}/gates?{options}"

    def _refuse(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            with client:
                if self._closed.is_set():
                    return
                if client.recv(4096):
                    self.attempts += 1
                    client.sendall(self._answer)
