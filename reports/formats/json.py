"""
JSON: one document whose rows are written as they come. Decimals are strings, instants ISO-8601 in UTC.

Money as a JSON number would be read as a float by most readers.
"""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from reports.formats.contract import Batches, Content, Format
from reports.formats.plain import plain_text


class Json(Format):
    suffix = "json"
    content_type = "application/json"

    def write(self, path: Path, content: Content, batches: Batches) -> None:
        report = content.report
        members, rows_name = report.json_document(content.parameters, content.figures, content.generated_at)
        names = [column.name for column in report.columns]
        with path.open("w", encoding="utf-8", newline="\n") as file:
            # The document without its closing brace: the rows are its last member.
            file.write(f"{_json(members)[:-1]},{_json(rows_name)}:[")
            separator = "\n"
            for batch in batches:
                file.write(separator + ",\n".join(_json(_named(names, row)) for row in batch))
                separator = ",\n"
            file.write("\n]}\n")


def _named(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal | date):
        return plain_text(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}: no report has such a cell")


# Made once: json.dumps with options makes an encoder at each call.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_as_text).encode
