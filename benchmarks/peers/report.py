"""
docs/peers.md, and the table on the terminal, from the results.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.peers import server
from benchmarks.peers.differences import Difference, Intention
from benchmarks.peers.outcomes import count
from benchmarks.peers.runner import SuiteResult
from benchmarks.peers.suite import SIDES, Side
from benchmarks.rig import markdown, versions

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "peers.md"
PACKAGES = ("django", "psycopg", "psycopg-pool", "sqlalchemy", "wagtail")
COLUMNS = ("suite", "stock", "ours", "on purpose", "not on purpose", "listed, but gone", "s")
METHOD = Path(__file__).with_name("method.md")


def table(results: Sequence[SuiteResult]) -> Table:
    """Return the results as the terminal shows them."""
    shown = Table(*COLUMNS)
    for result in results:
        shown.add_row(*_cells(result), style="" if result.is_as_intended else "bold red")
    return shown


def lines(results: Sequence[SuiteResult]) -> list[str]:
    """Return a line for each thing that is not as intended, for the terminal."""
    found = []
    for result in results:
        name = result.suite.name
        found += [f"{name}: {line}" for line in _troubles(result)]
        found += [f"{name}: {_as_text(each)}" for each in result.comparison.unexpected]
        found += [
            f"{name}: {test}: listed in intended.toml, and ends alike" for test in result.comparison.gone
        ]
    return found


def write(results: Sequence[SuiteResult], seconds: float) -> Path:
    """Write the document; return its path."""
    DOCUMENT.write_text("\n\n".join(_parts(results, seconds)) + "\n")
    return DOCUMENT


def _parts(results: Sequence[SuiteResult], seconds: float) -> Iterator[str]:
    yield "# Other projects' own tests"
    yield "The tests of the libraries that Turnstile stands in for, on the stock product and on ours."
    yield markdown.table(list(COLUMNS), [_cells(result) for result in results])
    yield METHOD.read_text().strip()
    yield f"{versions.line(PACKAGES, server.version())} The run took {seconds / 60:.0f} minutes."
    yield "## What differs on purpose"
    yield from (section for result in results if (section := _intended(result)))
    yield "## What differs, and should not"
    yield from _not_intended(results)
    yield from _once(results)


def _cells(result: SuiteResult) -> list[str]:
    if result.missing:
        return [f"{result.suite.title} ({result.suite.source.label})", "not run", "not run", "", "", "", ""]
    comparison = result.comparison
    return [
        f"{result.suite.title} ({result.suite.source.label})",
        *(_counts(result, side) for side in SIDES),
        *(str(len(each)) for each in (comparison.intended, comparison.unexpected, comparison.gone)),
        f"{sum(side.seconds for side in result.sides.values()):.0f}",
    ]


def _counts(result: SuiteResult, side: Side) -> str:
    counted = count(result.sides[side].outcomes)
    others = [f"{number:,} {word}" for word, number in sorted(counted.items()) if word != "passed"]
    return ", ".join([f"{counted['passed']:,} passed", *others])


def _intended(result: SuiteResult) -> str:
    tests: defaultdict[Intention, list[str]] = defaultdict(list)
    for difference in result.comparison.intended:
        assert difference.intention
        tests[difference.intention].append(difference.test)
    rows = [
        [f"[{each.line}](pool.md)", each.why, "<br>".join(f"`{_short(test)}`" for test in tests[each])]
        for each in tests
    ]
    return f"### {result.suite.title}\n\n{markdown.table(['line', 'why', 'tests'], rows)}" if rows else ""


def _not_intended(results: Sequence[SuiteResult]) -> Iterator[str]:
    found = [line for result in results for line in _list(result)]
    yield "\n".join(f"- {line}" for line in found) if found else "Nothing."


def _list(result: SuiteResult) -> Iterator[str]:
    for trouble in _troubles(result):
        yield f"{result.suite.title}: {trouble}"
    for difference in result.comparison.unexpected:
        yield f"{result.suite.title}: {_as_text(difference)}"
    for test in result.comparison.gone:
        yield f"{result.suite.title}: `{test}` is listed in intended.toml, and ends alike"


def _once(results: Sequence[SuiteResult]) -> Iterator[str]:
    found = [f"- {each.suite.title}: {_as_text(one)}" for each in results for one in each.comparison.once]
    if found:
        yield "Ended differently in one of two runs, which a busy machine can cause:"
        yield "\n".join(found)


def _troubles(result: SuiteResult) -> list[str]:
    missing = [f"not run: {result.missing}"] if result.missing else []
    return missing + [f"{side}: {run.trouble}" for side, run in result.sides.items() if run.trouble]


def _as_text(difference: Difference) -> str:
    message = difference.message.replace("|", "\\|")
    return f"`{difference.test}`: {difference.stock.word} on stock, {difference.ours.word} on ours: {message}"


def _short(test: str) -> str:
    """Return a test's name for a table, without the folders that its suite's title stands for."""
    path, separator, rest = test.partition("::")
    return f"{path.rpartition('/')[2]}{separator}{rest}".replace("|", "\\|")
