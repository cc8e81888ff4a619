"""
A million borrows, half through each library: does memory stay flat?
"""

from collections.abc import Sequence

import psutil
from django.db import connection

from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server
from benchmarks.systems.turnstile import Turnstile

TITLE = "A million borrows"
BORROWS = 1_000_000
SHARES = (0.01, 0.1, 1.0)


def run(server: Server) -> Sequence[Row]:
    """Return the resident memory after 1 %, 10 % and 100 % of the borrows."""
    engine = Turnstile(server.url).engine()
    sizes, done = [], 0
    for share in SHARES:
        for _ in range(int(BORROWS * share / 2) - done):
            connection.ensure_connection()
            connection.close()
            engine.connect().close()
        done = int(BORROWS * share / 2)
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    rows = [plain(f"after {share:.0%}", f"{size:.1f} MiB") for share, size in zip(SHARES, sizes, strict=True)]
    return [*rows, at_most("growth from 10 % to 100 %", sizes[2] - sizes[1], 1.0, "MiB")]
