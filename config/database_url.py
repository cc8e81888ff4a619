"""
DATABASE_URL: libpq's own form, and Django's keys of a database. What it says is taken as said, or refused.

No error quotes a user or a password, nor what could be a piece of one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote

from core.pool import parameters

SCHEMES = ("postgres://", "postgresql://")
FORM = "use postgres://user:password@host:5432/name"
LARGEST_PORT = 65535

# libpq's names of what Django keeps beside the options.
_ADDRESS = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
# [::1]:5432, or host:5432; the port may be left out.
_HOST = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*))(?::(\d*))?")
_NO_ENCODING = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Za-z_]+")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class UrlRefused(ValueError):
    """
    A URL that cannot be taken as it is. The message goes on after the variable's name, and says what to do.
    """


def read(url: str) -> dict[str, Any]:
    """
    Read a URL into the keys of Django's DATABASES: HOST, PORT, NAME, USER, PASSWORD, OPTIONS and its flags.

    Raises:
        UrlRefused: something in it cannot be read, contradicts itself, or is unknown.
    """
    scheme, separator, rest = url.partition("://")
    if scheme + separator not in SCHEMES:
        raise UrlRefused(
            "does not start with postgres:// or postgresql://: Turnstile runs on PostgreSQL only"
        )
    address, _, query = rest.partition("?")
    _refuse_unencoded(address, query)
    entry: dict[str, Any] = {**_address(address), "OPTIONS": {}}
    for name, value in _pairs(query):
        _add(entry, name, value)
    if not entry["NAME"] and "service" not in entry["OPTIONS"]:
        raise UrlRefused(f"names no database: {FORM}")
    return entry


def _refuse_unencoded(address: str, query: str) -> None:
    """Refuse what libpq would take apart in the middle of a password, and then look up as a host."""
    authority, _, path = address.partition("/")
    if authority.count("@") > 1 or "@" in path + query or "#" in address + query:
        raise UrlRefused(
            "has a character that must be percent-encoded, probably in the password: "
            "@ as %40, / as %2F, # as %23, ? as %3F"
        )


def _decoded(text: str) -> str:
    if _NO_ENCODING.search(text):
        raise UrlRefused("has a % that begins no percent-encoding: write it as %25")
    try:
        value = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UrlRefused("has a percent-encoding that is no UTF-8") from None
    if "\0" in value:
        raise UrlRefused("has a %00, which Postgres cannot take")
    return value


# Before the question mark ----------------------------------------------------------------------------------


def _address(address: str) -> dict[str, Any]:
    authority, _, path = address.partition("/")
    login, _, servers = authority.rpartition("@")
    user, _, password = login.partition(":")
    if not servers and path.startswith("/"):
        # postgres:////run/postgresql/name: a socket's folder.
        folder, _, name = path.rpartition("/")
        host, port = _decoded(folder), ""
    else:
        name = path
        host, port = _servers(servers)
    if "/" in name:
        raise UrlRefused(f"has a / in the name of the database: {FORM}, with a / in the name as %2F")
    return {
        "HOST": host,
        "PORT": _port(port),
        "NAME": _decoded(name),
        "USER": _decoded(user),
        "PASSWORD": _decoded(password),
    }


def _servers(text: str) -> tuple[str, str]:
    """Return the hosts and the ports, each separated by commas; no port is the empty text."""
    found = [_HOST.fullmatch(each) for each in text.split(",")]
    servers = [(_decoded(each[1] or each[2] or ""), each[3] or "") for each in found if each]
    if len(servers) < len(found):
        raise UrlRefused(f"has a host or a port that cannot be read: {FORM}, and [::1]:5432 for IPv6")
    hosts, ports = zip(*servers, strict=True)
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def _port(text: str) -> int | str:
    """Return a port as a number, several as they are."""
    ports = text.split(",")
    if any(each and not (each.isdecimal() and 0 < int(each) <= LARGEST_PORT) for each in ports):
        raise UrlRefused(f"has a port that is no number from 1 to {LARGEST_PORT}")
    return int(text) if text and len(ports) == 1 else text


# After it --------------------------------------------------------------------------------------------------


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Yield each option's name and its value; as in libpq, a + is a +."""
    seen: set[str] = set()
    for part in filter(None, query.split("&")):
        name, separator, value = part.partition("=")
        if not _NAME.fullmatch(name):
            raise UrlRefused(
                "has an option after the ? whose name cannot be read: use ?name=value&name=value"
            )
        if not separator or name.lower() in seen:
            raise UrlRefused(f"has the option {name} {'twice' if separator else 'without a value'}")
        seen.add(name.lower())
        yield name, _decoded(value)


def _add(entry: dict[str, Any], name: str, value: str) -> None:
    if name in _ADDRESS:
        key = _ADDRESS[name]
        if entry[key]:
            raise UrlRefused(f"gives the {name} twice, before and after the ?")
        entry[key] = _port(value) if name == "port" else value
    elif name.upper() in _DJANGOS:
        entry[name.upper()] = _DJANGOS[name.upper()](name, value)
    elif name == "ssl":
        # JDBC's form, which libpq takes too.
        entry["OPTIONS"]["sslmode"] = _one_of("true")(name, value) and "require"
    elif name in _OPTIONS or name in parameters.names():
        entry["OPTIONS"][name] = _OPTIONS.get(name, _text)(name, value)
    else:
        raise UrlRefused(_unknown(name))


def _unknown(name: str) -> str:
    if name == "pool":
        return "has the option pool: the pool has variables of its own, such as POOL_SIZE"
    known = [*_ADDRESS, *(each.lower() for each in _DJANGOS), *_OPTIONS, *parameters.names()]
    close = get_close_matches(name.lower(), known, 1)
    hint = f": did you mean {close[0]}?" if close else ": docs/settings.md lists those there are"
    return f"has the option {name}, which is unknown{hint}"


# How a value is read ---------------------------------------------------------------------------------------


def _text(_name: str, value: str) -> str:
    return value


def _flag(name: str, value: str) -> bool:
    if value.lower() not in _TRUE | _FALSE:
        raise UrlRefused(f"says {name}={value!r}, which is neither true nor false")
    return value.lower() in _TRUE


def _whole_number(minimum: int) -> Callable[[str, str], int]:
    def number(name: str, value: str) -> int:
        if not (value.isdecimal() and int(value) >= minimum):
            raise UrlRefused(f"says {name}={value!r}: use a whole number, {minimum} or more")
        return int(value)

    return number


def _one_of(*choices: str) -> Callable[[str, str], str]:
    def choice(name: str, value: str) -> str:
        if value not in choices:
            raise UrlRefused(f"says {name}={value!r}: use {' or '.join(choices)}")
        return value

    return choice


def _isolation_level(name: str, value: str) -> int:
    levels = ("read-uncommitted", "read-committed", "repeatable-read", "serializable")
    return levels.index(_one_of(*levels)(name, value)) + 1


def _no_max_age(name: str, value: str) -> int:
    if value != "0":
        raise UrlRefused(f"says {name}={value!r}: the pool keeps the connections, see POOL_RECYCLE")
    return 0


_DJANGOS: Mapping[str, Callable[[str, str], Any]] = {
    "ATOMIC_REQUESTS": _flag,
    "AUTOCOMMIT": _flag,
    "CONN_HEALTH_CHECKS": _flag,
    "CONN_MAX_AGE": _no_max_age,
    "DISABLE_SERVER_SIDE_CURSORS": _flag,
}
# Of Django's and psycopg's, and of libpq's those where it would complain at the first connect only.
_OPTIONS: Mapping[str, Callable[[str, str], Any]] = {
    "assume_role": _text,
    "isolation_level": _isolation_level,
    "prepare_threshold": _whole_number(0),
    "server_side_binding": _flag,
    "channel_binding": _one_of("disable", "prefer", "require"),
    # Django sets it.
    "client_encoding": _one_of("UTF8", "utf8", "UTF-8", "utf-8"),
    "connect_timeout": _whole_number(1),
    "gssencmode": _one_of("disable", "prefer", "require"),
    "keepalives": _one_of("0", "1"),
    "keepalives_count": _whole_number(0),
    "keepalives_idle": _whole_number(0),
    "keepalives_interval": _whole_number(0),
    "load_balance_hosts": _one_of("disable", "random"),
    "sslcertmode": _one_of("disable", "allow", "require"),
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslsni": _one_of("0", "1"),
    "target_session_attrs": _one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "tcp_user_timeout": _whole_number(0),
}
