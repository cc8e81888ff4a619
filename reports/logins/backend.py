"""
The first of AUTHENTICATION_BACKENDS: it knows nobody, and makes those wait who tried too often.
"""

import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest

from reports.logins import addresses, counting

logger = logging.getLogger(__name__)

# The request's attributes: what was counted for it; the seconds that it was told to wait.
ATTEMPT = "login_attempt"
WAIT = "login_wait"


class TooManyAttempts(ValidationError):
    """
    Too many attempts by this user or from this address. A form shows it; elsewhere the middleware answers it.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {seconds} seconds.", code="too_many_attempts")


class CountedLogins:
    """
    Counts each attempt that a request makes; a command, which has none, is not counted.

    No BaseBackend: it has no users, and Django's `force_login` takes the first backend that says it has.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """
        Let an attempt go on to the other backends.

        Raises:
            TooManyAttempts: it has to wait.
        """
        if request is None or "password" not in credentials:
            return
        attempt = counting.attempt_of(_name_in(credentials), addresses.client_of(request))
        if seconds := counting.begin(attempt):
            setattr(request, WAIT, seconds)
            logger.warning("login from %s has to wait for %d s", addresses.client_of(request), seconds)
            raise TooManyAttempts(seconds)
        setattr(request, ATTEMPT, attempt)

    async def aauthenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Do the same for an asynchronous caller."""
        await sync_to_async(self.authenticate)(request, **credentials)


def _name_in(credentials: dict[str, Any]) -> str:
    field = get_user_model().USERNAME_FIELD
    return str(credentials.get(field) or credentials.get("username") or "")


@receiver(user_logged_in)
def _forget(request: HttpRequest | None, **_: Any) -> None:
    attempt = getattr(request, ATTEMPT, None)
    if attempt is not None:
        counting.take_back(attempt)


@receiver(user_login_failed)
def _log(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    if request is None:
        return
    users = get_user_model()._default_manager  # noqa: SLF001 - Django's documented way
    name = _name_in(credentials)
    # Only a name that is one: a password is typed into the wrong field now and then.
    is_known = users.filter(**{get_user_model().USERNAME_FIELD: name}).exists()
    whose = f"as {name}" if is_known else "as nobody that is known"
    logger.warning("login from %s %s failed", addresses.client_of(request), whose)
