"""
Where a connection was borrowed: cheap to note at every loan, worked out only when somebody asks.
"""

import linecache
import sys
from types import CodeType, FrameType

DEPTH = 40
# Frames of the machinery between a borrower's code and the pool: they say how, not who.
_MACHINERY = ("core.", "django.", "sqlalchemy.", "psycopg", "contextlib", "ninja.", "threading")
_OWN_CODE = ("core.tests.", "core.management.")

Stack = tuple[tuple[CodeType, int, str], ...]


def note() -> Stack:
    """Return the caller's frames, innermost first: code, instruction and module; nothing is formatted."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way without making a traceback
    frames: list[tuple[CodeType, int, str]] = []
    while frame is not None and len(frames) < DEPTH:
        frames.append((frame.f_code, frame.f_lasti, frame.f_globals.get("__name__", "")))
        frame = frame.f_back
    return tuple(frames)


def where(stack: Stack) -> str:
    """Return `file:line in function` of the innermost frame of the borrower's own code."""
    for code, instruction, module in stack:
        if module.startswith(_OWN_CODE) or not module.startswith(_MACHINERY):
            return f"{code.co_filename}:{_line(code, instruction)} in {code.co_name}"
    return "unknown"


def in_words(stack: Stack) -> str:
    """Return the stack as a traceback shows it, the borrower's caller first."""
    lines = []
    for code, instruction, _ in reversed(stack):
        number = _line(code, instruction)
        source = linecache.getline(code.co_filename, number).strip()
        lines.append(f'  File "{code.co_filename}", line {number}, in {code.co_name}\n    {source}')
    return "\n".join(lines)


def _line(code: CodeType, instruction: int) -> int:
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return line
    return code.co_firstlineno
