"""
Every attack of the siege on Turnstile, cut short: what a scanner was told is what is stored (G1 to G8).

`make siege` runs the long versions, beside the stock way. No time is asserted here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.siege import cell
from benchmarks.siege.attacks import ATTACKS
from benchmarks.siege.cell import Times
from benchmarks.siege.stage import NoDisk, template

pytestmark = pytest.mark.slow

SHORT = Times(before=1.0, attack=4.0, after=3.0)
ROWS = 20_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """What every stage copies, and its folder."""
    folder = tmp_path_factory.mktemp("siege")
    # The server has another user, where this one is root.
    for each in (folder, *list(folder.parents)[:2]):
        each.chmod(0o711)
    with template(folder, rows=ROWS) as found:
        yield folder, found


@pytest.mark.parametrize("attack", ATTACKS)
class TestTheGatesUnder:
    def test_this_attack(self, made: tuple[Path, Mapping[str, Any]], attack: str) -> None:
        result = cell.run(attack, "turnstile", *made, SHORT)

        if NoDisk.__name__ in result.crashed:
            pytest.skip("needs to mount a small disk: run this as root, where that is allowed")
        assert not result.crashed, result.crashed
        assert (result.missing, result.contradicted, result.stored_late) == (0, 0, 0)
        assert result.shown > 0
        assert result.recovery is not None
        if ATTACKS[attack].is_usable:
            assert result.failures == {}
