"""Where a connection was borrowed, as text."""

import sys

from core.pool import stacks


class TestWhere:
    def test_names_a_line_of_ours_from_the_projects_folder_on(self) -> None:
        stack, line = stacks.note(), sys._getframe().f_lineno

        expected = (
            f"core/tests/pool/test_stacks.py:{line} in test_names_a_line_of_ours_from_the_projects_folder_on"
        )
        assert stacks.where(stack) == expected
