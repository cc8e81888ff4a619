"""
Fair timing on a noisy machine: contenders take turns, many short rounds, medians.
"""

import statistics
from collections.abc import Callable, Mapping
from time import perf_counter

ROUNDS = 21
REPEATS = 1000


def microseconds(contenders: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median cost of one call of each contender, in microseconds."""
    for call in contenders.values():
        _time(call)  # warm
    rounds = [{name: _time(call) for name, call in contenders.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(turn[name] for turn in rounds) for name in contenders}


def _time(call: Callable[[], object]) -> float:
    started = perf_counter()
    for _ in range(REPEATS):
        call()
    return (perf_counter() - started) / REPEATS * 1e6
