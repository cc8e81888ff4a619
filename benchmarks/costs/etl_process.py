"""
One run of the ETL: `python -m benchmarks.costs.etl_process URL SALES` prints seconds, peak MiB, rows written.
"""

import json
import logging
import resource
import sys
from time import perf_counter

from benchmarks.costs import etl_scene


def main(url: str, total: str) -> None:
    """Run it, and measure it."""
    logging.disable(logging.CRITICAL)
    etl_scene.configure(url)
    started = perf_counter()
    done = etl_scene.run_etl(etl_scene.MadeSource(int(total)))
    seconds = perf_counter() - started
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([seconds, peak_kib / 1024, done.inserted_count + done.updated_count]))


if __name__ == "__main__":
    main(*sys.argv[1:])
