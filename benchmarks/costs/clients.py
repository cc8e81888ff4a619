"""
A process full of clients: `python -m benchmarks.costs.clients SYSTEM URL FIRST CLIENTS SECONDS`.

It prints how many writes were served and how many failed, as JSON.
"""

import json
import logging
import os
import sys
from functools import partial
from itertools import count
from time import monotonic

from benchmarks.rig.ledger import Ledger
from benchmarks.rig.threads import crowd
from benchmarks.rig.workload import Request
from benchmarks.systems import make_system
from benchmarks.systems.contract import System


def main(name: str, url: str, first: str, clients: str, seconds: str) -> None:
    """Write without a pause, from every client, for `seconds`."""
    logging.disable(logging.CRITICAL)
    system, ledger = make_system(name, url), Ledger()
    deadline = monotonic() + float(seconds)
    action = lambda number: _write(system, ledger, int(first) + number, deadline)
    crowd(int(clients), action, float(seconds) + 35.0)
    failed = sum(bool(attempt.error) for attempt in ledger.attempts)
    print(json.dumps({"served": len(ledger.attempts) - failed, "failed": failed}))
    sys.stdout.flush()
    os._exit(0)


def _write(system: System, ledger: Ledger, writer: int, deadline: float) -> None:
    for number in count():
        if monotonic() > deadline:
            return
        ledger.call(writer, partial(Request().run, system, writer, number))


if __name__ == "__main__":
    main(*sys.argv[1:])
