"""
Rows in the binary form of COPY, made without a connection: in another thread than the one that sends them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import pq

# Private, but the only way to the driver's own encoding without a connection; psycopg is pinned.
from psycopg._copy_base import BinaryFormatter
from psycopg.adapt import Transformer


def encode_rows(types: Iterable[str], rows: Iterable[Sequence[Any]]) -> list[bytes]:
    """
    Return what COPY ... (FORMAT BINARY) reads: the rows in blocks of some ten kilobytes.

    `types` names the Postgres type of each of a row's values.

    Raises:
        DriverError: a value cannot be written as its type.
    """
    transformer = Transformer()
    transformer.set_dumper_types([psycopg.adapters.types.get_oid(name) for name in types], pq.Format.BINARY)
    formatter = BinaryFormatter(transformer)
    blocks = [bytes(block) for row in rows if (block := formatter.write_row(row))]
    return [*blocks, bytes(formatter.end())]
