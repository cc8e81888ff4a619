"""
How a row counts: as a sale, a refund, or a cancelled sale. A word that is not listed here is not guessed.
"""

from typing import Any

from etl.models.raw import SaleKind
from etl.parsing import upstream_fields
from etl.parsing.upstream_fields import ToldSale, first
from etl.parsing.values import Unreadable, shown

# Plain text: a million rows share these three.
SALE, REFUND, CANCELLED = (str(kind.value) for kind in SaleKind)

_PLAIN_SALE = ("paid", "completed", "confirmed", "active")
_BY_STATUS = dict.fromkeys(_PLAIN_SALE, SALE) | dict.fromkeys(
    ("cancelled", "canceled", "refunded", "void", "voided"), CANCELLED
)
_BY_TYPE = {"sale": SALE, "purchase": SALE, "refund": REFUND}


def kind_of(sale: ToldSale) -> str:
    """
    Return "sale", "refund" or "cancelled".

    Raises:
        Unreadable: the status or the type is none of those known, or the two contradict one another.
    """
    status = sale.status
    if sale.type is None and sale.kind is None and type(status) is str and status in _PLAIN_SALE:
        return SALE
    return _told_kind(sale)


def _told_kind(sale: ToldSale) -> str:
    status_name, status_word = first(sale, upstream_fields.STATUS)
    type_name, type_word = first(sale, upstream_fields.TYPE)
    status = SALE if status_word is None else _known(status_name, status_word, _BY_STATUS)
    if type_word is None:
        return status
    kind = _known(type_name, type_word, _BY_TYPE)
    if kind == REFUND and str(status_word).lower() == "refunded":
        raise Unreadable(status_name, "a refund that is 'refunded' may count or not: send it as completed")
    return status if status == CANCELLED else kind


def _known(field: str, word: Any, kinds: dict[str, str]) -> str:
    kind = kinds.get(word.lower()) if isinstance(word, str) else None
    if kind is None:
        raise Unreadable(field, f"{shown(word)} is none of {', '.join(kinds)}: nothing is guessed")
    return kind
