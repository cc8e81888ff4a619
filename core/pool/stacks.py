"""
Where a connection was borrowed: cheap to note at every loan, worked out only when somebody asks.
"""

import contextlib
import linecache
import os
import sys
from itertools import takewhile
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

DEPTH = 40
# Of somebody who takes back what he had a moment ago, again and again.
AGAIN_DEPTH = 10
# Folders of the machinery between a borrower's code and the pool: they say how, not who.
_OWN = Path(__file__).resolve().parent.parent
_OWN_FOLDERS = {_OWN, _OWN / "pool", _OWN / "backend", _OWN / "engine"}
_PROJECT = f"{_OWN.parent}{os.sep}"
_STANDARD = str(Path(contextlib.__file__).parent)
_DATABASE = {"db", "sqlalchemy", "psycopg", "psycopg_pool", "asgiref", "asyncio.py", "functional.py"}

# Pairs of code and instruction, the innermost frame first, one after the other.
Stack = list[Any]


def note(*, skip: int = 0, depth: int = DEPTH) -> Stack:
    """
    Return the caller's frames: two references each, nothing is formatted, no local variable is kept.

    Args:
        skip: how many of the innermost frames to leave out. Each one noted costs 0.2 microseconds, and the
            pool's own are the same for everybody.
        depth: how many to note.
    """
    try:
        frame: FrameType | None = sys._getframe(1 + skip)  # noqa: SLF001 - the only way without a traceback
    except ValueError:
        # So many there are not: somebody calls from a module, or from C.
        frame = sys._getframe(1)  # noqa: SLF001
    notes: list[Any] = []
    left = depth
    add = notes.append
    while frame is not None and left:
        add(frame.f_code)
        add(frame.f_lasti)
        frame = frame.f_back
        left -= 1
    return notes


def where(stack: Stack) -> str:
    """
    Return `file:line in function` of the innermost frame of the borrower's own code.

    A file of this project is named from the project's folder on. Middleware that only passed a request on is
    no borrower: what is outside of Django's own handler says how the request came in.
    Where there is none, as when Django's session middleware borrows, of the library that is not a database's.
    """
    frames = list(takewhile(lambda frame: not _passes_on(frame[0].co_filename), _frames(stack)))
    own = [frame for frame in frames if not _is_library(frame[0].co_filename)]
    libraries = [frame for frame in frames if not _is_of_a_database(frame[0].co_filename)]
    for code, instruction in (own or libraries)[:1]:
        file = code.co_filename.removeprefix(_PROJECT)
        return f"{file}:{_line(code, instruction)} in {code.co_name}"
    return "unknown"


def as_text(stack: Stack) -> str:
    """Return the stack as a traceback shows it, the borrower's caller first."""
    lines = []
    for code, instruction in reversed(_frames(stack)):
        number = _line(code, instruction)
        source = linecache.getline(code.co_filename, number).strip()
        lines.append(f'  File "{code.co_filename}", line {number}, in {code.co_name}\n    {source}')
    return "\n".join(lines)


def _frames(stack: Stack) -> list[tuple[CodeType, int]]:
    return list(zip(stack[::2], stack[1::2], strict=True))


def _is_library(filename: str) -> bool:
    is_installed = "site-packages" in filename or filename.startswith(_STANDARD)
    return is_installed or _is_of_a_database(filename)


def _passes_on(filename: str) -> bool:
    return f"django{os.sep}core{os.sep}handlers{os.sep}" in filename


def _is_of_a_database(filename: str) -> bool:
    path = Path(filename)
    is_ours = path.parent in _OWN_FOLDERS
    return is_ours or filename.startswith(_STANDARD + "/contextlib") or bool(_DATABASE & set(path.parts))


def _line(code: CodeType, instruction: int) -> int:
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return line
    return code.co_firstlineno
