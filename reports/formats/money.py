"""
Money as people read it, on pages and on paper.
"""

from decimal import Decimal


def money_text(value: Decimal) -> str:
    """Return "17,514.50" for 17514.5000: two decimals, and further ones where they are not zeros."""
    whole, _, decimals = f"{value:,f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
