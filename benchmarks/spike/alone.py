"""
`python -m benchmarks.spike.alone SYSTEM`: one system on a Postgres of its own, until standard input closes.

It takes its keys from the environment. It says where it answers, and then how many connections there are, in
lines of JSON.
"""

import argparse
import json
import os
import sys
import threading

import psycopg

from benchmarks.rig.folder import temporary
from benchmarks.spike import cell, service
from benchmarks.spike.systems import NO_DATABASE, SYSTEMS

SAMPLE_SECONDS = 0.2


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spike.alone", description=__doc__)
    parser.add_argument("system", choices=[name for name in SYSTEMS if name != NO_DATABASE])
    system = parser.parse_args().system
    keys = {name: os.environ[name] for name in service.KEYS}
    is_over = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(is_over,), daemon=True).start()
    with (
        temporary("spike") as folder,
        service.database(folder) as postgres,
        service.running(system, postgres, folder, keys=keys) as running,
        psycopg.connect(running.url, autocommit=True) as watcher,
    ):
        [(bound,)] = watcher.execute("SELECT CAST(current_setting('max_connections') AS int)").fetchall()
        _say(url=f"http://127.0.0.1:{running.port}", bound=bound)
        while not is_over.wait(SAMPLE_SECONDS):
            _say(connections=cell.connections(watcher))


def _wait_for_the_end(is_over: threading.Event) -> None:
    sys.stdin.read()
    is_over.set()


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
