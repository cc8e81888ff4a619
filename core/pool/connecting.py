"""
Opening a connection so that a server's refusal has its SQLSTATE.

psycopg's own connect has none: what remains of a refusal is the server's sentence, in the server's language.
libpq writes the SQLSTATE into that sentence when it is asked to be verbose. psycopg does not offer to ask, so
libpq is called directly. Where its functions are not found (psycopg in pure Python, or linked statically), a
refusal has no SQLSTATE, and looks like an outage.
"""

import ctypes
import re
import sys
from collections.abc import Callable, Generator

import psycopg
from psycopg import errors, pq
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

# libpq's PGVerbosity.
_DEFAULT, _VERBOSE = 1, 2
# After the severity, which is in the server's language, and two spaces.
_SQLSTATE = re.compile(r"(?<=:  )([0-9A-Z]{5}): ")
# Where in its source the server said it: "LOCATION:  auth_failed, auth.c:317".
_LOCATION = re.compile(r"\n[^\n]*:  \w+, [\w./]+:\d+(?=\n|$)")


def connect(conninfo: str) -> Generator[tuple[int, Wait], Ready | int, PGconn]:
    """
    Open a connection, and yield whenever there is something to wait for, as psycopg's generators do.

    Raises:
        psycopg.Error: with the SQLSTATE of the refusal, and of its class.
    """
    pgconn = pq.PGconn.connect_start(conninfo.encode())
    _set_verbosity(pgconn, _VERBOSE)
    polled = pq.PollingStatus.WRITING
    while pgconn.status != pq.ConnStatus.BAD and polled != pq.PollingStatus.FAILED:
        if polled == pq.PollingStatus.OK:
            _set_verbosity(pgconn, _DEFAULT)
            pgconn.nonblocking = 1
            return pgconn
        wait = Wait.R if polled == pq.PollingStatus.READING else Wait.W
        while not (yield pgconn.socket, wait):
            pass
        polled = pq.PollingStatus(pgconn.connect_poll())
    raise _failure(pgconn)


def _failure(pgconn: PGconn) -> psycopg.Error:
    text = pgconn.get_error_message()
    # With sslmode=prefer there may be two refusals, with and without TLS: the last one counts.
    sqlstate = next(reversed(_SQLSTATE.findall(text)), None)
    plain = f"connection failed: {_LOCATION.sub('', _SQLSTATE.sub('', text))}"
    error = _class_of(sqlstate)(plain, pgconn=errors.finish_pgconn(pgconn))
    error.sqlstate = sqlstate
    return error


def _class_of(sqlstate: str | None) -> type[psycopg.Error]:
    try:
        return errors.lookup(sqlstate or "")
    except KeyError:
        return psycopg.OperationalError


def _find_setter() -> Callable[[int, int], int] | None:
    """Return libpq's PQsetErrorVerbosity, of the very library that psycopg is linked to."""
    extension = sys.modules[pq.PGconn.__module__].__file__
    try:
        setter = ctypes.CDLL(extension).PQsetErrorVerbosity
    except (OSError, AttributeError):
        return None
    setter.argtypes = (ctypes.c_void_p, ctypes.c_int)
    return setter


_setter = _find_setter()


def _set_verbosity(pgconn: PGconn, verbosity: int) -> None:
    address = getattr(pgconn, "pgconn_ptr", None)
    if _setter is not None and address is not None:
        _setter(address, verbosity)
