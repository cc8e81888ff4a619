"""
Readers of the environment: every setting passes through here, so that a wrong value stops the start.

Each error names the variable, shows the value (never a secret's) and says what to do. While settings.py is
read they are noted, and then told all at once. No other module reads `os.environ` for a setting.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

from config import database_url

_env = environ.Env()

ROOT = Path(__file__).resolve().parent.parent

MINIMUM_SECRET_LENGTH = 32
CURRENCY_LENGTH = 3
# Of two names that are as alike as POOL_SZIE and POOL_SIZE, and not as EMAIL_PORT and EMAIL_URL.
ALIKE = 0.82
# Nobody else's names begin with it.
OUR_PREFIX = "POOL_"
_SMTP = "django.core.mail.backends.smtp.EmailBackend"

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

# The names that were asked for.
_known: set[str] = set()
# What was refused since `note_refusals()`; None while each error is raised at once.
_refusals: list[str] | None = None


class WrongSettings(ImproperlyConfigured):
    """
    Settings that cannot be taken as they are.

    Attributes:
        sentences: what is wrong and what to do, one for each.
    """

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def note_refusals() -> None:
    """From now on note what is refused, and go on with a value in its place."""
    global _refusals  # noqa: PLW0603 - one environment for the process
    _refusals = []


def raise_refusals() -> None:
    """
    End what `note_refusals()` began.

    Raises:
        WrongSettings: something was refused.
    """
    global _refusals
    found, _refusals = _refusals, None
    if found:
        raise WrongSettings(found)


def refuse(sentence: str) -> None:
    """
    Refuse settings that contradict each other.

    Raises:
        ImproperlyConfigured: nobody notes refusals.
    """
    if _refusals is None:
        raise ImproperlyConfigured(sentence)
    _refusals.append(sentence)


def look_alikes() -> Iterator[tuple[str, str]]:
    """Yield the variables that look like settings and are none, each with what may be meant, or ""."""
    for name in sorted(set(os.environ) - _known):
        close = get_close_matches(name.upper(), _known, 1, ALIKE)
        if close or name.upper().startswith(OUR_PREFIX):
            yield name, "".join(close)


def _reader(
    instead: Any = None,
) -> Callable[[Callable[Parameters, Value]], Callable[Parameters, Value]]:
    """
    Make a reader of a function that is called with a variable's `name`, and mostly a `default`.

    Where refusals are noted it returns `instead` in their place, or the default where that is None.
    """

    def make(read: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
        bind = signature(read).bind

        @wraps(read)
        def noting(*arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
            bound = bind(*arguments, **options)
            bound.apply_defaults()
            _known.add(bound.arguments["name"])
            try:
                return read(*arguments, **options)
            except ImproperlyConfigured as error:
                if _refusals is None:
                    raise
                _refusals.append(str(error))
                return cast("Value", bound.arguments["default"] if instead is None else instead)

        return noting

    return make


def _refuse(name: str, value: str, cure: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value!r} {cure} (see .env.example)")


def _raw(name: str) -> str:
    return os.environ.get(name, "").strip()


@_reader()
def whole_number(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Read an integer in [minimum, maximum]."""
    raw = _raw(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise _refuse(name, raw, "is not a whole number") from None
    if value < minimum:
        raise _refuse(name, raw, f"is too small: use {minimum} or more")
    if maximum is not None and value > maximum:
        raise _refuse(name, raw, f"is too large: use {maximum} or less")
    return value


@_reader()
def seconds(name: str, default: float, *, minimum: float = 0.0) -> float:
    """Read a duration in seconds, fractions allowed, greater than `minimum`."""
    raw = _raw(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        raise _refuse(name, raw, "is not a number of seconds, such as 30 or 0.5") from None
    if not minimum < value < float("inf"):
        raise _refuse(name, raw, f"must be more than {minimum:g} seconds and finite")
    return value


@_reader()
def flag(name: str, *, default: bool) -> bool:
    """Read true/false, yes/no, on/off or 1/0."""
    raw = _raw(name).lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise _refuse(name, raw, "is neither true nor false: use true or false")


@_reader()
def names(name: str, default: str) -> list[str]:
    """Read a list separated by commas."""
    return [part.strip() for part in (_raw(name) or default).split(",") if part.strip()]


@_reader(instead=[])
def networks(name: str, default: str) -> list[str]:
    """Read addresses and networks of addresses, separated by commas."""
    found = names(name, default)
    for each in found:
        try:
            ip_network(each)
        except ValueError:
            raise _refuse(name, each, "is no address or network, such as 10.0.0.0/8") from None
    return found


@_reader()
def text(name: str, default: str) -> str:
    """Read text as it is. Not for a secret: tools may show it."""
    return _raw(name) or default


@_reader()
def choice(name: str, default: str, *, choices: tuple[str, ...]) -> str:
    """Read one of a few words."""
    value = _raw(name).lower() or default
    if value not in choices:
        raise _refuse(name, value, f"is unknown: use {' or '.join(choices)}")
    return value


@_reader()
def currency(name: str, default: str) -> str:
    """Read an ISO currency code, in upper case; an empty default means none."""
    raw = (_raw(name) or default).upper()
    if raw and not (len(raw) == CURRENCY_LENGTH and raw.isascii() and raw.isalpha()):
        raise _refuse(name, raw, "is not a currency code of three letters, such as EUR")
    return raw


@_reader()
def time_zone(name: str, default: str) -> str:
    """Read the name of an IANA time zone; an empty default means none."""
    raw = _raw(name) or default
    if raw and raw not in available_timezones():
        raise _refuse(name, raw, "is not an IANA time zone, such as Europe/Berlin")
    return raw


@_reader()
def token(name: str, default: str) -> str:
    """
    Read a secret that somebody else made: of any length, possibly none. Its value never appears in the error.

    Raises:
        ImproperlyConfigured: it has characters that no header can carry.
    """
    value = _raw(name) or default
    if value.isascii() and value.isprintable() and " " not in value:
        return value
    raise ImproperlyConfigured(
        f"{name} has spaces or characters that are not ASCII: copy the token once more (see .env.example)"
    )


@_reader()
def folder(name: str, default: str) -> str:
    """Read the path of a folder, a relative one as below the checkout; "" stays "": no folder."""
    raw = text(name, default)
    return str(ROOT / raw) if raw else ""


@_reader()
def file(name: str, default: str) -> str:
    """Read the path of a file, a relative one as below the checkout; "" stays "": no file."""
    return folder(name, default)


@_reader(instead={})
def email(name: str, default: str) -> Mapping[str, Any]:
    """
    Read a mail server's URL into Django's EMAIL_ settings. Its value never appears in the error.

    Raises:
        ImproperlyConfigured: not a URL of a mail server.
    """
    try:
        parsed: Mapping[str, Any] = _env.email_url_config(_raw(name) or default)
    except (KeyError, ValueError, ImproperlyConfigured):
        parsed = {}
    if not parsed or (parsed["EMAIL_BACKEND"] == _SMTP and not parsed["EMAIL_HOST"]):
        raise ImproperlyConfigured(
            f"{name} is not the URL of a mail server: use smtp+tls://user:password@host:587, with special "
            "characters percent-encoded, or consolemail:// (see .env.example)"
        ) from None
    return parsed


@_reader(instead="")
def secret(name: str) -> str:
    """
    Read a secret of at least 32 characters. Its value never appears in the error.

    Raises:
        ImproperlyConfigured: absent or too short.
    """
    value = _raw(name)
    if len(value) >= MINIMUM_SECRET_LENGTH:
        return value
    found = "is not set" if not value else f"has {len(value)} characters"
    raise ImproperlyConfigured(
        f"{name} {found}: set it to {MINIMUM_SECRET_LENGTH} random characters or more, for example from "
        "`python -c 'import secrets; print(secrets.token_urlsafe(48))'` (see .env.example)"
    )


@_reader(instead={"PASSWORD": "", "OPTIONS": {}})
def database(name: str = "DATABASE_URL") -> Mapping[str, Any]:
    """
    Read a Postgres URL into Django's connection keys. Its value never appears in the error.

    Raises:
        ImproperlyConfigured: absent, or something in it cannot be taken as it is.
    """
    raw = _raw(name)
    if not raw:
        raise ImproperlyConfigured(
            f"{name} is not set: use postgres://user:password@host:5432/name, or `make run`, "
            "which starts a Postgres of its own (see .env.example)"
        )
    try:
        return database_url.read(raw)
    except database_url.UrlRefused as error:
        raise ImproperlyConfigured(f"{name} {error} (see .env.example)") from None


def is_given(name: str) -> bool:
    """Tell whether the environment has a value, its default aside."""
    return bool(_raw(name))


@_reader()
def command(name: str, default: str) -> str:
    """
    Read a command line. It may hold a secret: its text never appears in the error.

    Raises:
        ImproperlyConfigured: its quotes are not closed.
    """
    raw = _raw(name) or default
    try:
        shlex.split(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a quote that is not closed (see .env.example)") from None
    return raw
