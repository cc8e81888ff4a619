"""
What the reports app stores: generated reports, their downloads, schedules, and which events staff may see.
"""

from reports.models.access import EventAccess
from reports.models.download import Download
from reports.models.generated_report import FileFormat, GeneratedReport, ReportState
from reports.models.schedule import Cadence, Delivery, Schedule

__all__ = [
    "Cadence",
    "Delivery",
    "Download",
    "EventAccess",
    "FileFormat",
    "GeneratedReport",
    "ReportState",
    "Schedule",
]
