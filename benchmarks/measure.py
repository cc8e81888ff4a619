"""
One benchmark, alone in this process: `python -m benchmarks.measure NAME` prints its rows as JSON.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks import costs
from benchmarks.rig.server import copy_server


def main(name: str) -> None:
    """Run the benchmark called `name` on a server of its own."""
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="turnstile-bench-"))
    server = copy_server(folder, name, {})
    try:
        rows = costs.load(name).run(server)
    finally:
        server.postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps([asdict(row) for row in rows]))
    sys.stdout.flush()
    # Not sys.exit(): a pool that is still open must not keep its process.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
