"""
docs/siege.md, from the results.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.rig import markdown, versions
from benchmarks.siege import charts
from benchmarks.siege.attacks import ATTACKS
from benchmarks.siege.cell import failures_of
from benchmarks.siege.result import Result
from benchmarks.siege.results import Matrix
from benchmarks.siege.stage import ROOT, SYSTEMS

DOCUMENT = ROOT / "docs" / "siege.md"
METHOD = Path(__file__).with_name("method.md")
PACKAGES = ("django", "granian", "psycopg", "psycopg-pool", "sqlalchemy")
COLUMNS: Mapping[str, Callable[[Result], str]] = {
    "scans answered": lambda result: f"{result.answered:,}",
    "p50 (ms)": lambda result: _milliseconds(result.median),
    "p99 (ms)": lambda result: _milliseconds(result.p99),
    "scans failed": lambda result: f"{result.failed:,}",
    "without any answer": lambda result: f"{result.overdue:,}",
    "/health over 1 s": lambda result: f"{result.health_late:,}",
    "all probes over 1 s": lambda result: f"{result.probes_late:,} of {result.probes:,}",
    "missing": lambda result: f"{result.missing:,}",
    "contradicted": lambda result: f"{result.contradicted:,}",
    "stored late": lambda result: f"{result.stored_late:,}",
    "recovery (s)": lambda result: "never" if result.recovery is None else f"{result.recovery:.1f}",
}


def line(result: Result) -> str:
    """Return a result in one line of a terminal, and what it breaks."""
    if result.crashed:
        return f"not measured: {result.crashed.strip().splitlines()[-1]}"
    cells = ", ".join(f"{name} {shown(result)}" for name, shown in COLUMNS.items())
    broken = failures_of(result) if result.system == "turnstile" else []
    return "\n    ".join([cells, *broken])


def write(matrix: Matrix) -> Path:
    """Write the document; return its path."""
    DOCUMENT.write_text("\n\n".join(_parts(matrix)) + "\n")
    return DOCUMENT


def _parts(matrix: Matrix) -> Iterator[str]:
    yield "# The siege"
    yield "What 40 scanners at the gates notice while something else on the same service tries to stop them."
    yield (
        "Each cell: scans that failed / the slowest hundredth of the others / recovery after the attack / "
        "probes of monitoring that took longer than a second."
    )
    yield _overview(matrix)
    yield f"![{charts.TITLE}](charts/{charts.FILE})"
    yield METHOD.read_text().strip()
    yield versions.line(PACKAGES)
    for name, row in matrix.items():
        yield from _section(name, row)


def _overview(matrix: Matrix) -> str:
    rows = [
        [f"[{ATTACKS[name].title}](#{name})", *(_short(row.get(system)) for system in SYSTEMS)]
        for name, row in matrix.items()
    ]
    return markdown.table(["attack", *SYSTEMS.values()], rows)


def _short(result: Result | None) -> str:
    if result is None or result.crashed:
        return "not measured"
    recovery = "never" if result.recovery is None else f"{result.recovery:.1f} s"
    p99 = f"{_milliseconds(result.p99)} ms" if result.answered else "none"
    return f"{result.failed:,} / {p99} / {recovery} / {result.probes_late:,}"


def _section(name: str, row: Mapping[str, Result]) -> Iterator[str]:
    attack = ATTACKS[name]
    yield f'<a id="{name}"></a>\n## {attack.title}'
    if not attack.is_usable:
        yield "Postgres cannot serve scans meanwhile: each is to have its 503 in time."
    measured = [result for result in row.values() if not result.crashed]
    rows = [[SYSTEMS[each.system], *(shown(each) for shown in COLUMNS.values())] for each in measured]
    yield markdown.table(["system", *COLUMNS], rows)
    if remarks := [_failures(result) for result in measured if result.failures]:
        yield "\n".join(remarks)
    yield from (_not_measured(each) for each in row.values() if each.crashed)


def _failures(result: Result) -> str:
    said = "; ".join(f"{count:,} x {what}" for what, count in result.failures.items())
    return f"- {SYSTEMS[result.system]}: {said}"


def _not_measured(result: Result) -> str:
    return f"- {SYSTEMS[result.system]}: not measured: `{result.crashed.strip().splitlines()[-1]}`"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"


def broken(results: Sequence[Result]) -> list[str]:
    """Return a sentence for each promise that Turnstile broke."""
    return [
        f"{result.attack}: {sentence}"
        for result in results
        if result.system == "turnstile"
        for sentence in failures_of(result)
    ]
