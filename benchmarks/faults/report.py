"""
docs/faults.md, from the results.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.faults import charts, summary, table
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.result import Result
from benchmarks.faults.results import Matrix
from benchmarks.rig import markdown, versions

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
PACKAGES = ("django", "psycopg", "psycopg-pool", "sqlalchemy", "django-db-connection-pool")
METHOD = Path(__file__).with_name("method.md")


def write(matrix: Matrix) -> Path:
    """Write the document; return its path."""
    DOCUMENT.write_text("\n\n".join(_parts(matrix)) + "\n")
    return DOCUMENT


def _parts(matrix: Matrix) -> Iterator[str]:
    yield "# The fault matrix"
    yield "What callers see while something breaks, and how long until they are served again."
    yield summary.totals(matrix)
    yield "Each cell: requests that failed / seconds from the server's return to full service."
    yield summary.overview(matrix)
    yield from (f"![{chart.title}](charts/{chart.file})" for chart in charts.CHARTS)
    yield METHOD.read_text().strip()
    yield versions.line(PACKAGES)
    for name, row in matrix.items():
        yield from _section(name, row)


def _section(name: str, row: Mapping[str, Result]) -> Iterator[str]:
    fault = FAULTS[name]
    yield f'<a id="{name}"></a>\n## {fault.title}'
    yield f"{fault.story} (`--only {name}`)"
    measured = [result for result in row.values() if not result.crashed]
    rows = [[table.label(result.system), *table.cells(result)] for result in measured]
    yield markdown.table(["system", *table.COLUMNS], rows)
    if lines := [line for result in row.values() if (line := _remark(result))]:
        yield "\n".join(lines)


def _remark(result: Result) -> str:
    """Return what the table does not say: errors by class, and what only this fault measures."""
    if result.crashed:
        words = result.crashed.strip().splitlines()[-1]
        return f"- {table.label(result.system)}: not measured: `{words}`"
    errors = [f"{count:,} x {name}" for name, count in result.errors.items()]
    facts = [f"{name.replace('_', ' ')} {_fact(value)}" for name, value in result.facts.items()]
    said = "; ".join([*errors, *facts])
    return f"- {table.label(result.system)}: {said}" if said else ""


def _fact(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
