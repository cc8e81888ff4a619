"""The documents: every one is found, no link is broken, and README's code and figures are true."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README, CONTRIBUTING, INDEX = ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# It names files as they were called when they changed.
OF_TODAY = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]
CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A path of the repository as code, such as `etl/sources/contract.py` or `docs/adr/`.
NAMED_PATH = re.compile(r"`((?:analytics|benchmarks|config|core|docs|etl|health|reports)/[\w/.-]*)`")
# What GitHub leaves out of a heading's anchor.
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")
# A label and a cell for each of the six systems.
FIGURES = re.compile(r"^\| (.+?) \| ([^|]+(?: \| [^|]+){5}) \|$", re.MULTILINE)
LAST_LINE_FOR_THE_FIRST_CODE = 40


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def prose_of(document: Path) -> str:
    return CODE_BLOCK.sub("", document.read_text())


def python_in(document: Path) -> list[str]:
    return [code for language, code in CODE_BLOCK.findall(document.read_text()) if language == "python"]


def links_of(document: Path) -> list[str]:
    """Return the relative links of a document, pictures included."""
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose_of(document))


def anchors_of(document: Path) -> set[str]:
    """Return where a link into the document may lead: its headings and its own anchors."""
    text = prose_of(document)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def is_broken(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path) if path else document
    return not target.exists() or bool(anchor and anchor not in anchors_of(target))


def figures_of(document: Path) -> dict[str, str]:
    """Return the cells of each row, by the anchor that its label leads to, or by the label's last part."""
    rows = FIGURES.findall(document.read_text())
    return {re.split(r"#|: ", label)[-1].rstrip(")"): cells for label, cells in rows}


class TestADocument:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
    def test_has_no_broken_link(self, document: Path) -> None:
        assert [link for link in links_of(document) if is_broken(document, link)] == []

    @pytest.mark.parametrize("document", OF_TODAY, ids=name_of)
    def test_names_files_that_exist(self, document: Path) -> None:
        named = NAMED_PATH.findall(document.read_text())

        assert [path for path in named if not (ROOT / path).exists()] == []

    def test_is_reached_from_the_index(self) -> None:
        reached = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links_of(INDEX)}

        documents = {document for document in DOCUMENTS if document.is_relative_to(INDEX.parent)}

        assert [name_of(document) for document in documents - reached - {INDEX}] == []


class TestContributing:
    def test_shows_code_that_exists(self) -> None:
        code = "".join(
            path.read_text() for app in ("analytics", "config", "core") for path in (ROOT / app).rglob("*.py")
        )

        shown = re.findall(r"^ *((?:class|def) \w+)", "".join(python_in(CONTRIBUTING)), re.MULTILINE)

        assert shown
        assert [definition for definition in shown if definition not in code] == []


class TestReadme:
    @pytest.mark.real_pool
    @pytest.mark.usefixtures("django_pool")
    def test_its_code_prints_what_its_comments_say(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = python_in(README)[0]
        example = tmp_path / "example.py"
        example.write_text(code)

        runpy.run_path(str(example))

        said = re.findall(r"^ *print\(.+\)  # (.+)$", code, re.MULTILINE)
        assert said
        assert capsys.readouterr().out.splitlines() == said

    def test_shows_code_early(self) -> None:
        lines = README.read_text().splitlines()

        assert lines.index("```python") < LAST_LINE_FOR_THE_FIRST_CODE

    def test_shows_the_figures_of_the_fault_matrix(self) -> None:
        shown, published = figures_of(README), figures_of(ROOT / "docs" / "faults.md")
        del shown["fault"], shown["---"]

        assert {name: published.get(name) for name in shown} == shown
        assert {"restart_fast", "acknowledged rows missing"} < set(shown)
