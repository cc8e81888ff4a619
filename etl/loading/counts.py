"""
What became of the rows of a page, or of a whole run.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """
    Rows of all endpoints; `read` is the sum of the others.

    `unchanged` includes rows older than what is stored, and all but one of the rows that a page repeats.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            read=self.read + other.read,
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
        )

    @property
    def written(self) -> int:
        """Raw rows that changed."""
        return self.inserted + self.updated
