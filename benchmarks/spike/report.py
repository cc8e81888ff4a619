"""
docs/spike.md, from the results.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.costs.row import Row, at_least, at_most
from benchmarks.rig import markdown, versions
from benchmarks.spike import charts, systems
from benchmarks.spike.limits import PROCESSES
from benchmarks.spike.results import Matrix, Rounds
from benchmarks.spike.service import ROOT
from benchmarks.spike.systems import SYSTEMS

DOCUMENT = ROOT / "docs" / "spike.md"
HERE = Path(__file__).parent
PACKAGES = ("django", "granian", "psycopg", "psycopg-pool", "sqlalchemy", "django-db-connection-pool")
HEADER = [
    "system", "validations/s", "range", "p50 (ms)", "p99 (ms)", "failed", "connections",
    "CPU ms each: Python + Postgres", "memory (MiB)", "scans a commit",
]  # fmt: skip


def line(rounds: Rounds) -> list[str]:
    """Return a cell's figures in the order of HEADER."""
    low, high = rounds.range("rate")
    if not high:
        return ["none", "in 4 s", "", "", "all", f"{rounds.range('connections')[1]:.0f}", "", "", ""]
    return [
        f"{rounds.median('rate'):,.0f}",
        f"{low:,.0f} to {high:,.0f}",
        f"{rounds.median('p50'):,.1f}",
        f"{rounds.median('p99'):,.0f}",
        f"{sum(each.failed for each in rounds):,}",
        f"{rounds.range('connections')[1]:.0f}",
        f"{rounds.median('python'):.2f} + {rounds.median('postgres'):.2f}",
        f"{rounds.median('memory'):,.0f}",
        f"{rounds.median('per_commit'):.3g}",
    ]


def write(matrix: Matrix, limits: Mapping[str, float]) -> Path:
    """Write the document; return its path."""
    DOCUMENT.write_text("\n\n".join(_parts(matrix, limits)) + "\n")
    return DOCUMENT


def _parts(matrix: Matrix, limits: Mapping[str, float]) -> Iterator[str]:
    yield "# A spike of validations, from the request to the commit"
    yield (HERE / "in_short.md").read_text().strip()
    yield f"![{charts.TITLE}](charts/{charts.FILE})"
    yield (HERE / "method.md").read_text().strip()
    yield versions.line(PACKAGES)
    yield "## What it should reach"
    rows = [[row.what, row.value, row.target, "yes" if row.is_met else "**no**"] for row in targets(matrix)]
    yield markdown.table(["what", "measured", "target", "met"], rows)
    for clients, row in matrix.items():
        yield f"## {clients:,} client{'s' if clients > 1 else ''}"
        yield markdown.table(HEADER, [[SYSTEMS[name].title, *line(rounds)] for name, rounds in row.items()])
    if limits:
        yield from _limits(limits)
    yield (HERE / "bounds.md").read_text().strip()


def _limits(limits: Mapping[str, float]) -> Iterator[str]:
    yield "## The database alone"
    yield "Scans a second of pgbench: no HTTP, no Python. It also makes the scans, in the server."
    names = dict.fromkeys(key.split("|")[0] for key in limits)
    rows = [[name, *(f"{limits[f'{name}|{count}']:,.0f}" for count in PROCESSES)] for name in names]
    yield markdown.table(["what", *(f"{count} connections" for count in PROCESSES)], rows)


def targets(matrix: Matrix) -> Iterator[Row]:
    """Yield what Turnstile should reach, and whether it does."""
    for name, least in (
        (systems.ONE_STATEMENT, 14.0),
        (systems.DJANGO_POOL, 5.0),
        (systems.NO_DATABASE, 0.55),
        (systems.ENGINE_PER_WRITE, 90.0),
    ):
        if found := _pair(matrix, 64, name):
            ratio = _ratio(*found, "rate")
            yield at_least(f"64 clients: validations/s against {SYSTEMS[name].label}", ratio, least, "x")
    for clients in (512, 2000):
        if found := _pair(matrix, clients, systems.DJANGO_POOL):
            failed = sum(each.failed for each in found[0])
            yield at_most(f"{clients:,} clients: failed", failed, 0, "validations")
            what = f"{clients:,} clients: p99 against Django's pool"
            yield at_most(what, _ratio(*found, "p99"), 0.333, "x")
    if found := _pair(matrix, 1, systems.DJANGO_POOL):
        yield at_most("one client: p50 against Django's pool", _ratio(*found, "p50"), 1.0, "x")
    if found := _pair(matrix, 64, systems.DJANGO_POOL):
        used = [rounds.median("python") + rounds.median("postgres") for rounds in found]
        yield at_most("64 clients: CPU of a validation against Django's pool", used[0] / used[1], 0.2, "x")
    most = [
        row[systems.TURNSTILE].range("connections")[1] for row in matrix.values() if systems.TURNSTILE in row
    ]
    yield at_most("connections for scans, 2 processes", max(most, default=0), 2, "connections")


def _pair(matrix: Matrix, clients: int, other: str) -> tuple[Rounds, Rounds] | None:
    row = matrix.get(clients, {})
    if systems.TURNSTILE in row and other in row:
        return row[systems.TURNSTILE], row[other]
    return None


def _ratio(ours: Rounds, theirs: Rounds, name: str) -> float:
    return ours.median(name) / max(1e-9, theirs.median(name))
