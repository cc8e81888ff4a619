"""
A folder for a Postgres and what goes with it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary(name: str) -> Iterator[Path]:
    """Make a folder that the server's user may enter, where this one is root; it is gone after the block."""
    # Not below a folder of one user: the server has another one.
    folder = Path(tempfile.mkdtemp(prefix=f"turnstile-{name}-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
