"""
What a file says about itself: the sheet "Parameters" of XLSX, and the head of a PDF.
"""

from typing import Any

from reports.formats.contract import Content


def facts(content: Content) -> list[tuple[str, Any]]:
    """Return pairs of name and value: report, period, events, when it was generated, and from which data."""
    parameters = content.parameters
    events = parameters.event_ids
    return [
        ("Report", content.report.title),
        ("From", parameters.start),
        ("To (included)", parameters.last_day),
        ("Events", "all" if events is None else ", ".join(events) or "none"),
        ("Generated at (UTC)", content.generated_at),
        ("Newest ETL run", "none" if content.etl_run_id is None else str(content.etl_run_id)),
        ("Rows", content.row_total),
    ]
