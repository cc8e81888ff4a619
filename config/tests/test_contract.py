"""The contract: each line that is cited is defined in a document, and each one defined is held by a test."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Where the lines are defined, and with which letters their codes begin.
CONTRACTS = {"docs/pool.md": "BGLRNM", "docs/scans.md": "S"}
FOLDERS = ("config", "core", "analytics", "etl", "reports", "health", "benchmarks", "docs")
# A word of its own, such as S1: not S608, not "B2", not ABC12-R1.
CODE = re.compile(rf"""(?<![\w"'/.-])[{"".join(CONTRACTS.values())}][1-9]\d?(?![\w"'-])""")
# A list item or a table row that begins with the code in bold, up to the next one or an empty line.
DEFINITION = re.compile(
    r"^(?:- |\| ?)\*\*([A-Z]\d{1,2})\*\*(.*?)(?=^(?:- |\| ?)\*\*[A-Z]\d|^$|\Z)", re.MULTILINE | re.DOTALL
)
TEST = re.compile(r"`([\w/]+\.py)::(\w+(?:::\w+)?)`")
# Numbers of lists that are not in the repository: a reader needs the reason instead.
NUMBERED = re.compile(r"(?:trap|defect)s? ?\d", re.IGNORECASE)


def definitions() -> dict[str, str]:
    """Return the text of each line of the contract, by its code."""
    found = chain.from_iterable(DEFINITION.findall((ROOT / document).read_text()) for document in CONTRACTS)
    return dict(found)


def citations() -> Iterator[tuple[str, Path]]:
    """Yield each code that the code, its tests or a document mentions, with the file."""
    for path in files():
        for code in CODE.findall(path.read_text()):
            yield code, path


def files() -> Iterator[Path]:
    """Yield every Python file and every document."""
    below = chain.from_iterable((ROOT / folder).rglob("*.[pm][yd]") for folder in FOLDERS)
    return chain(below, ROOT.glob("*.md"))


def named_in(path: Path) -> set[str]:
    """Return the classes and functions of a test file, as pytest names them."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            methods = [child.name for child in node.body if isinstance(child, ast.FunctionDef)]
            names |= {node.name, *(f"{node.name}::{method}" for method in methods)}
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names


class TestTheContract:
    def test_defines_every_code_that_is_cited(self) -> None:
        defined = definitions()

        undefined = {
            f"{code} in {path.relative_to(ROOT)}" for code, path in citations() if code not in defined
        }

        assert sorted(undefined) == []

    def test_is_cited_by_a_test_line_by_line(self) -> None:
        cited = {code for code, path in citations() if "tests" in path.parts}

        assert [code for code in definitions() if code not in cited] == []

    @pytest.mark.parametrize("code", definitions())
    def test_names_tests_that_exist_and_cite_the_line(self, code: str) -> None:
        tests = TEST.findall(definitions()[code])

        assert tests
        assert [f"{file}::{name}" for file, name in tests if name not in named_in(ROOT / file)] == []
        assert [file for file, _ in tests if code not in CODE.findall((ROOT / file).read_text())] == []

    def test_defines_a_line_once(self) -> None:
        found = [code for name in CONTRACTS for code, _ in DEFINITION.findall((ROOT / name).read_text())]

        assert len(found) == len(set(found)) > 0


class TestAReason:
    def test_is_given_where_a_trap_or_a_defect_is_met_and_not_its_number(self) -> None:
        assert [path for path in files() if NUMBERED.search(path.read_text())] == []
