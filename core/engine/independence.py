"""
`independent()`: code whose SQLAlchemy connections do not join `transaction.atomic()`.

Independence belongs to the code inside the `with` block, for as long as that runs: the frame of the code that
entered the block must be on the stack. A generator that was suspended inside the block, or another thread or
task, does not carry it away. What is to be independent wherever it is used gets an engine that is:
`core.db.get_independent_engine()`.
"""

import contextlib
import sys
from collections.abc import Iterator
from types import CodeType, FrameType

# The frames that are inside such a block, by id and code: a function that enters by hand and returns leaves
# its frame's id to another's.
_frames: dict[tuple[int, CodeType], int] = {}
_CONTEXTLIB = contextlib.__file__


class Independent:
    """The context manager of `core.db.independent()`; it may be entered again."""

    def __init__(self) -> None:
        self._entered: list[tuple[int, CodeType]] = []

    def __enter__(self) -> None:
        frame = _key(_user(sys._getframe(1)))  # noqa: SLF001 - the only way to the caller
        _frames[frame] = _frames.get(frame, 0) + 1
        self._entered.append(frame)

    def __exit__(self, *_: object) -> None:
        frame = self._entered.pop()
        _frames[frame] -= 1
        if not _frames[frame]:
            del _frames[frame]


def is_active() -> bool:
    """Tell whether the caller runs inside an `independent()` block of its own thread's stack."""
    return bool(_frames) and any(_key(frame) in _frames for frame in _stack(sys._getframe(1)))  # noqa: SLF001


def _key(frame: FrameType) -> tuple[int, CodeType]:
    return id(frame), frame.f_code


def _user(frame: FrameType) -> FrameType:
    """
    Return the frame that the block belongs to.

    Where a `@contextmanager` or an ExitStack enters it, that is the code that entered those.
    """
    outer = frame
    while (caller := outer.f_back) is not None:
        is_entered_by_contextlib = (
            caller.f_code.co_filename == _CONTEXTLIB and caller.f_code.co_name == "__enter__"
        )
        if outer.f_code.co_filename == _CONTEXTLIB:
            outer = caller
        elif is_entered_by_contextlib and caller.f_back is not None:
            outer = caller.f_back
        else:
            break
    return outer


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
