"""
Rejected rows: what a source sent and could not be read, kept whole until it was loaded after all.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from analytics.limits import bounded
from etl import limits
from etl.rows import Endpoint, Rejection

_STORE = sa.text("""
INSERT INTO etl_rejects AS kept (source, endpoint, run_id, upstream_id, payload, payload_hash, field, reason,
    first_rejected_at, last_rejected_at, seen_count)
VALUES (:source, :endpoint, :run_id, :upstream_id, CAST(:payload AS jsonb), :payload_hash, :field, :reason,
    :now, :now, 1)
ON CONFLICT (source, endpoint, payload_hash) DO UPDATE
SET run_id = excluded.run_id, field = excluded.field, reason = excluded.reason,
    last_rejected_at = excluded.last_rejected_at, seen_count = kept.seen_count + 1, resolved_at = NULL
""")
_HAS_OPEN = sa.text("""
SELECT EXISTS (
    SELECT FROM etl_rejects WHERE source = :source AND endpoint = :endpoint AND resolved_at IS NULL
)
""")
_RESOLVE = sa.text("""
UPDATE etl_rejects SET resolved_at = :now
WHERE source = :source AND endpoint = :endpoint AND resolved_at IS NULL
    AND upstream_id <> '' AND upstream_id = ANY(CAST(:upstream_ids AS text[]))
""")
# NUL, which jsonb cannot hold, as json.dumps writes it; a pair of backslashes before it is text.
_NUL = re.compile(r"(\\\\)|\\u0000")


def store(
    connection: sa.Connection,
    *,
    source: str,
    endpoint: Endpoint,
    run_id: int | None,
    rejections: Sequence[Rejection],
    now: datetime,
) -> None:
    """Keep `rejections`, in the caller's transaction; a row that was kept before is counted once more."""
    key = {"source": source, "endpoint": endpoint.value, "run_id": run_id, "now": now}
    connection.execute(_STORE, [{**key, **_described(rejection)} for rejection in rejections])


def resolve(
    connection: sa.Connection,
    *,
    source: str,
    endpoint: Endpoint,
    upstream_ids: Sequence[str],
    now: datetime,
) -> None:
    """Mark what was rejected under these ids as loaded after all, in the caller's transaction."""
    key = {"source": source, "endpoint": endpoint.value}
    if connection.execute(_HAS_OPEN, key).scalar_one():
        connection.execute(_RESOLVE, {**key, "upstream_ids": list(upstream_ids), "now": now})


def _described(rejection: Rejection) -> dict[str, Any]:
    whole = _as_json(rejection.payload)
    kept = whole if len(whole) <= limits.PAYLOAD else _as_json(whole[: limits.PAYLOAD])
    return {
        "upstream_id": bounded(rejection.upstream_id, length=limits.SALE_ID),
        "payload": kept,
        "payload_hash": hashlib.sha256(whole.encode()).hexdigest(),
        "field": bounded(rejection.field, length=limits.FIELD),
        "reason": bounded(rejection.reason, length=limits.REASON),
    }


def _as_json(payload: Any) -> str:
    """Return JSON that Postgres can hold: NUL is spelled out, half a pair of surrogates becomes "?"."""
    try:
        text = json.dumps(payload, default=str, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:  # not a number: no JSON has it
        text = json.dumps(repr(payload), ensure_ascii=False)
    storable = text.encode("utf-8", "replace").decode()
    return _NUL.sub(lambda found: found[1] or r"\\u0000", storable)
