"""
One measured number, with what it should be.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of docs/benchmarks.md."""

    what: str
    value: str  # with its unit
    target: str = ""
    is_met: bool | None = None  # None where there is no target


def at_most(what: str, value: float, limit: float, unit: str) -> Row:
    """Return a row whose value should not exceed `limit`."""
    return Row(what, f"{value:.3g} {unit}", f"at most {limit:g} {unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str) -> Row:
    """Return a row whose value should reach `limit`."""
    figure = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return Row(what, f"{figure} {unit}", f"at least {limit:,g} {unit}", value >= limit)


def plain(what: str, value: str) -> Row:
    """Return a row without a target."""
    return Row(what, value)
