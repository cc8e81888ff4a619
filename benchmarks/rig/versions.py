"""
What a comparison ran on.
"""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version


def line(packages: Iterable[str], server: str = "PostgreSQL 18 (embedded)") -> str:
    """Return one line: the packages' versions, the server's, and the machine."""
    named = ", ".join(f"{name} {version(name)}" for name in packages)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    return f"Versions: {named}, {server}, on {machine}."
