"""Forked children of the tests."""

import multiprocessing
from typing import Any


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
    assert ours.poll(20), "the child did not answer"
    result = ours.recv()
    child.join(20)
    assert child.exitcode == 0
    if isinstance(result, BaseException):
        raise result
    return result
