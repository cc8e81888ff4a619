"""Forked children of the tests."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FORK_MARKS = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork"),
    # Python 3.12 warns of any fork with threads: forking with threads is what these tests are about.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def in_child(action: Any) -> Any:
    """Run `action` in a forked child and return what it returned."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def run() -> None:
        try:
            theirs.send(action())
        except BaseException as error:
            theirs.send(error)

    child = context.Process(target=run)
    child.start()
    try:
        assert ours.poll(20), "the child did not answer"
        result = ours.recv()
        child.join(20)
        assert child.exitcode == 0
    finally:
        child.kill()
        child.join()
    if isinstance(result, BaseException):
        raise result
    return result


@contextmanager
def held_by_another_thread(lock: Any) -> Iterator[None]:
    """Let another thread hold `lock` while the block runs."""
    is_held, may_let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            is_held.set()
            may_let_go.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait(10)
    try:
        yield
    finally:
        may_let_go.set()
        holder.join()
