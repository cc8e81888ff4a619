"""
Every fault, by name, in the order of the report.

A new one is one more in a module of `cases`, and that module's name here.
"""

from collections.abc import Mapping

from benchmarks.faults.cases import (
    borrowers,
    interrupts,
    network,
    outage,
    overload,
    process,
    restart,
    standby,
    terminate,
)
from benchmarks.faults.fault import Fault

_MODULES = (terminate, restart, outage, standby, network, overload, process, interrupts, borrowers)

FAULTS: Mapping[str, Fault] = {fault.name: fault for module in _MODULES for fault in module.FAULTS}
