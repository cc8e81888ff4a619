"""
Whether a schedule's owner still may have its report: asked when it runs, and again when it is delivered.
"""

from reports import access, permissions
from reports.access import NotAllowed
from reports.models import Schedule


def check(schedule: Schedule) -> None:
    """
    Make sure that the owner may still download this report's files.

    Raises:
        NotAllowed: the owner is inactive, is not staff any more, or lost the permission.
    """
    user = schedule.owner
    if not (user.is_active and user.is_staff):
        raise NotAllowed(f"The schedule's owner {user} is not active staff: give it to somebody else")
    if not access.may_download(user, schedule.report):
        needed = permissions.to_download(schedule.report)
        raise NotAllowed(f"The schedule's owner {user} may not take {schedule.report}: it takes {needed}")
