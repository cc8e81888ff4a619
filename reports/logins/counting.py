"""
How often somebody tried, and how long the next attempt has to wait.

An attempt is counted before its password is looked at, so that many at once get no further than one after
the other, and a success takes it back. The counts are in the database (`reports.models.LoginAttempts`): all
processes share them, and a restart forgets none.
"""

import unicodedata
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from reports.logins.addresses import counted_as

# Counts that nothing was added to for so long are forgotten.
FORGET_SECONDS = 3600
# Of these, so many with each attempt: the table stays as large as one hour's attempts.
FORGET_AT_ONCE = 20


class Rule(NamedTuple):
    """
    How a count makes wait.

    Attributes:
        free: attempts without a wait; the next ones wait 1, 2, 4, ... seconds.
        longest: seconds.
    """

    free: int
    longest: int


# Short: whoever knows a name can make its owner wait.
BY_USER = Rule(free=5, longest=60)
# Longer, and later: a whole team may share one.
BY_ADDRESS = Rule(free=10, longest=900)

# No row comes back when the key still waits: then nothing is counted.
_COUNT = """
    INSERT INTO login_attempts AS counted (key, attempts, last_at, free_at)
    VALUES (%(key)s, 1, clock_timestamp(), clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET
        attempts = {attempts},
        last_at = clock_timestamp(),
        free_at = clock_timestamp() + interval '1 second' * CASE
            WHEN {attempts} < %(free)s THEN 0
            ELSE least(%(longest)s, power(2, least({attempts} - %(free)s, 30))) END
    WHERE counted.free_at <= clock_timestamp()
    RETURNING 1
""".replace(
    "{attempts}",
    "CASE WHEN counted.last_at < clock_timestamp() - %(forget)s * interval '1 second' THEN 1"
    " ELSE counted.attempts + 1 END",
)
_WAIT = """
    SELECT ceil(extract(epoch FROM max(free_at) - clock_timestamp())) FROM login_attempts WHERE key = ANY(%s)
"""
_FORGET = """
    DELETE FROM login_attempts WHERE key IN (
        SELECT key FROM login_attempts WHERE last_at < clock_timestamp() - %s * interval '1 second'
        ORDER BY last_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
_FORGET_USER = "DELETE FROM login_attempts WHERE key = %s"
_TAKE_BACK = """
    UPDATE login_attempts SET attempts = greatest(attempts - 1, 0), free_at = clock_timestamp() WHERE key = %s
"""


class Attempt(NamedTuple):
    """
    Who tries: what is counted, without a name or an address in it.
    """

    user: str
    address: str


def attempt_of(name: str, address: str) -> Attempt:
    """Return an attempt of somebody who calls himself `name`, from `address`."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return Attempt(_key("user", folded), _key("address", counted_as(address)))


def begin(attempt: Attempt) -> int:
    """
    Count an attempt if it may be made now.

    Returns:
        The seconds that it has to wait, and then nothing was counted; 0 when it may go on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [FORGET_SECONDS, FORGET_AT_ONCE])
        with transaction.atomic():
            # Always in this order: two attempts never wait for each other.
            is_let_on = _is_counted(cursor, attempt.address, BY_ADDRESS) and _is_counted(
                cursor, attempt.user, BY_USER
            )
            if not is_let_on:
                transaction.set_rollback(True)
        if is_let_on:
            return 0
        cursor.execute(_WAIT, [list(attempt)])
        [seconds] = cursor.fetchone()
        # It may just have become free.
        return max(1, int(seconds or 0))


def _is_counted(cursor: Any, key: str, rule: Rule) -> bool:
    cursor.execute(_COUNT, {"key": key, "forget": FORGET_SECONDS, **rule._asdict()})
    return cursor.fetchone() is not None


def take_back(attempt: Attempt) -> None:
    """Forget what a success was preceded by: all of the user's attempts, and this one of the address."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_USER, [attempt.user])
        cursor.execute(_TAKE_BACK, [attempt.address])


def _key(kind: str, value: str) -> str:
    # A name may be a password that was typed into the wrong field.
    return salted_hmac(f"turnstile.logins.{kind}", value, algorithm="sha256").hexdigest()
