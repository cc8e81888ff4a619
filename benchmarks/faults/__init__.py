"""
The fault matrix: every fault on every system, each cell in a process of its own on a server of its own.

`python -m benchmarks.faults` runs it and writes docs/faults.md.
"""
