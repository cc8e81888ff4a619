"""What SQLAlchemy and the ORM promise each other holds however long the ORM holds its connection (G3)."""

import pytest


@pytest.fixture(autouse=True)
def _both_ways(hold: str) -> None:
    """Run each test twice."""
