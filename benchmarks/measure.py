"""
One benchmark, alone in this process: `python -m benchmarks.measure NAME` prints its rows as JSON.
"""

import json
import logging
import os
import sys
from dataclasses import asdict

from benchmarks import costs
from benchmarks.rig.folder import temporary
from benchmarks.rig.server import copy_server


def main(name: str) -> None:
    """Run the benchmark called `name` on a server of its own."""
    logging.disable(logging.CRITICAL)
    with temporary("bench") as folder:
        server = copy_server(folder, name, {})
        try:
            rows = costs.load(name).run(server)
        finally:
            server.postgres.remove()
    print(json.dumps([asdict(row) for row in rows]))
    sys.stdout.flush()
    # Not sys.exit(): a pool that is still open must not keep its process.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
