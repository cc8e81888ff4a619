"""
Another process of a fleet: writes for a while and prints what its callers saw, as JSON.
"""

import argparse
import json
import logging
import os
import sys
from time import sleep

from benchmarks.rig.ledger import Ledger
from benchmarks.rig.workload import Request, Writers
from benchmarks.systems import make_system
from benchmarks.systems.contract import POOL_BOUND

HOLD_SECONDS = 0.03
STOP_TIMEOUT_SECONDS = 33.0


def main() -> None:
    """Write for `--seconds` with as many writers as the pool has connections."""
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    system, ledger = make_system(arguments.system, arguments.url), Ledger()
    request = Request(hold_seconds=HOLD_SECONDS)
    writers = Writers(system, ledger, POOL_BOUND, request, first=arguments.first)
    writers.start()
    sleep(arguments.seconds)
    writers.stop(STOP_TIMEOUT_SECONDS)
    ledger.give_up()
    attempts = [attempt.as_json() for attempt in ledger.attempts]
    print(json.dumps({"attempts": attempts, "acknowledged": ledger.acknowledged}))
    sys.stdout.flush()
    # Not sys.exit(): a hanging pool must not keep its process.
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--first", type=int, required=True, help="number of the first writer")
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
