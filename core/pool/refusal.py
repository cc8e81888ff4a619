"""
Why a connection could not be opened: for logs and errors, without secrets; and can waiting help?

A *refusal* stays until somebody changes something: a password, a role, a name, a host. Anything else, such as
a server that is starting, is an *outage*, and may pass by itself.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from core.pool.passwords import PasswordUnavailable
from core.pool.sqlstates import is_refusal

# psycopg's words, with the number of the resolver's error.
_LOOKUP = re.compile(r"failed to resolve host .*\[Errno (-?\d+)\]", re.DOTALL)
_UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

# A host that cannot be looked up may be a piece of a password that was not percent-encoded: it is not quoted.
UNKNOWN_HOST = "the name of its host is unknown"
NO_LOOKUP = "the name of its host cannot be looked up now"
NOTHING_TO_LOG_IN_WITH = "it asks for a password, and there is none"


def as_text(error: Exception) -> str:
    """Return why a connect failed, on one line and without a piece of a secret."""
    return refusal_of(error) or (NO_LOOKUP if _LOOKUP.search(str(error)) else _on_one_line(str(error)))


def refusal_of(error: Exception) -> str | None:
    """Return why a connect fails until somebody changes something; None when it is an outage."""
    if isinstance(error, UnreadableParameters | PasswordUnavailable):
        return str(error)
    if isinstance(error, UnicodeError):
        return UNKNOWN_HOST
    return _refusal_by(error) if isinstance(error, psycopg.Error) else None


def _refusal_by(error: psycopg.Error) -> str | None:
    if error.sqlstate:
        return f"{_sentence(error)} (SQLSTATE {error.sqlstate})" if is_refusal(error.sqlstate) else None
    if _is_unknown_host(error):
        return UNKNOWN_HOST
    return NOTHING_TO_LOG_IN_WITH if error.pgconn is not None and error.pgconn.needs_password else None


class UnreadableParameters(psycopg.ProgrammingError):
    """psycopg refuses the connection's parameters, in words that may quote them."""


@contextmanager
def unreadable_parameters() -> Iterator[None]:
    """Hide the words in which psycopg refuses the parameters of the connect in the block."""
    try:
        yield
    except psycopg.ProgrammingError as error:
        if error.sqlstate:
            raise
        raise UnreadableParameters("its parameters cannot be read") from None


def _is_unknown_host(error: psycopg.Error) -> bool:
    found = _LOOKUP.search(str(error))
    return found is not None and int(found[1]) in _UNKNOWN


def _sentence(error: psycopg.Error) -> str:
    """Return the server's own sentence, which follows a severity in its language and two spaces."""
    text = error.diag.message_primary or str(error)
    _, separator, sentence = text.partition(":  ")
    return (sentence if separator else text).partition("\n")[0].strip()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
