"""The documents: every one is found, no link is broken, and README's code and figures are true."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# What GitHub leaves out of a heading's anchor.
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAXIMUM_LINE_OF_THE_FIRST_CODE = 40


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def links_of(document: Path) -> list[str]:
    """Return the relative links of a document, pictures included."""
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", CODE_BLOCK.sub("", document.read_text()))


def anchors_of(document: Path) -> set[str]:
    """Return where a link into the document may lead: its headings and its own anchors."""
    text = CODE_BLOCK.sub("", document.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def is_broken(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path) if path else document
    return not target.exists() or bool(anchor and anchor not in anchors_of(target))


class TestADocument:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
    def test_has_no_broken_link(self, document: Path) -> None:
        assert [link for link in links_of(document) if is_broken(document, link)] == []

    def test_is_reached_from_the_index(self) -> None:
        index = ROOT / "docs" / "README.md"
        reached = {(index.parent / link.partition("#")[0]).resolve() for link in links_of(index)}

        documents = {document for document in DOCUMENTS if document.is_relative_to(index.parent)}

        assert [name_of(document) for document in documents - reached - {index}] == []


class TestReadme:
    @pytest.mark.real_pool
    @pytest.mark.usefixtures("django_pool")
    def test_its_code_prints_what_its_comments_say(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        blocks = re.findall(
            r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
        )
        example = tmp_path / "example.py"
        example.write_text(blocks[0])

        runpy.run_path(str(example))

        said = re.findall(r"^ *print\(.+\)  # (.+)$", blocks[0], re.MULTILINE)
        assert said
        assert capsys.readouterr().out.splitlines() == said

    def test_shows_code_early(self) -> None:
        lines = (ROOT / "README.md").read_text().splitlines()

        assert lines.index("```python") < MAXIMUM_LINE_OF_THE_FIRST_CODE

    def test_shows_the_figures_of_the_fault_matrix(self) -> None:
        shown = figures_of(ROOT / "README.md")

        published = figures_of(ROOT / "docs" / "faults.md")

        assert {name: published.get(name) for name in shown} == shown
        assert "restart_fast" in shown
        assert "acknowledged rows missing" in shown


def figures_of(document: Path) -> dict[str, list[str]]:
    """Return the cells of each row that has one for each of the six systems, by the fault or the total."""
    rows = re.findall(r"^\| ((?!---).+?) \| ([^|]+(?: \| [^|]+){5}) \|$", document.read_text(), re.MULTILINE)
    return {_key(label): cells.split(" | ") for label, cells in rows if label != "fault"}


def _key(label: str) -> str:
    """Return the anchor that a row leads to; a total's own words."""
    return (
        label.rpartition("#")[2].rstrip(")") if "#" in label else label.removeprefix("over all 29 faults: ")
    )
