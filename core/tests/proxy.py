"""A TCP proxy in front of a Postgres, to break the wire: the fault is real, nothing is mocked."""

import socket
import threading
from typing import Self

from core.embedded import SUPERUSER, EmbeddedPostgres


class Proxy:
    """Forwards bytes between loopback TCP and the server's unix socket, until told otherwise."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._target = str(postgres.socket_dir / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: set[socket.socket] = set()
        self._hears = threading.Event()
        self._hears.set()
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed.set()
        self._hears.set()
        self._listener.close()
        self.cut()

    def url(self, database: str = SUPERUSER) -> str:
        """Return the URL of `database` through the proxy."""
        port = self._listener.getsockname()[1]
        return f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"

    def address(self) -> dict[str, object]:
        """Return psycopg's connection parameters of the proxy."""
        port = self._listener.getsockname()[1]
        return {"host": "127.0.0.1", "port": port, "sslmode": "disable", "gssencmode": "disable"}

    def go_deaf(self) -> None:
        """Keep every connection open and forward nothing more, in either direction."""
        self._hears.clear()

    def hear(self) -> None:
        """Forward again."""
        self._hears.set()

    def cut(self) -> None:
        """Close every connection that goes through."""
        for end in list(self._ends):
            _shut(end, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._target)
            self._ends |= {client, server}
            back = threading.Thread(target=self._forward, args=(server, client), daemon=True)
            back.start()
            self._forward(client, server)
            back.join()
            self._ends -= {client, server}

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._hears.wait()
                target.sendall(data)
        except OSError:
            pass  # cut, or the other side is gone: pass the end on
        _shut(target, socket.SHUT_WR)


def _shut(end: socket.socket, how: int) -> None:
    try:
        end.shutdown(how)
    except OSError:
        return  # it was closed from the other side
