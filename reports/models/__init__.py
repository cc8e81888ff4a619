"""
What the reports app stores: generated reports, downloads, schedules, who may see what, attempts to log in.
"""

from reports.models.access import EventAccess
from reports.models.download import Download
from reports.models.generated_report import FileFormat, GeneratedReport, ReportState
from reports.models.login_attempts import LoginAttempts
from reports.models.schedule import Cadence, Delivery, Schedule

__all__ = [
    "Cadence",
    "Delivery",
    "Download",
    "EventAccess",
    "FileFormat",
    "GeneratedReport",
    "LoginAttempts",
    "ReportState",
    "Schedule",
]
