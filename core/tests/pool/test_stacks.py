"""Where a connection was borrowed, as text."""

import sys
from pathlib import Path
from typing import Any

import django
import pytest

import core
from core.pool import stacks

PROJECT = Path(core.__file__).parents[1]
DJANGO = Path(django.__file__).parent


def call_from(file: Path, inner: Any) -> Any:
    """Return a function of this file, as far as its frame says, that calls `inner`."""
    names: dict[str, Any] = {"inner": inner}
    exec(compile("def outer(): return inner()", str(file), "exec"), names)  # noqa: S102 - ours
    return names["outer"]


class TestWhere:
    def test_names_a_line_of_ours_from_the_projects_folder_on(self) -> None:
        stack, line = stacks.note(), sys._getframe().f_lineno

        expected = (
            f"core/tests/pool/test_stacks.py:{line} in test_names_a_line_of_ours_from_the_projects_folder_on"
        )
        assert stacks.where(stack) == expected

    @pytest.mark.parametrize(
        ("view", "named"),
        [
            # No such file: below a folder `tests`, where coverage does not look for it.
            (PROJECT / "reports" / "tests" / "live.py", "reports/tests/live.py"),
            (DJANGO / "contrib" / "admin" / "options.py", "contrib/admin/options.py"),
        ],
        ids=["ours", "a library's"],
    )
    def test_names_the_view_and_not_the_middleware_that_the_request_came_through(
        self, view: Path, named: str
    ) -> None:
        of_the_orm = call_from(DJANGO / "db" / "models" / "query.py", stacks.note)
        handler = call_from(DJANGO / "core" / "handlers" / "base.py", call_from(view, of_the_orm))
        middleware = call_from(PROJECT / "config" / "unavailable.py", handler)

        assert stacks.where(middleware()).endswith(f"{named}:1 in outer")
