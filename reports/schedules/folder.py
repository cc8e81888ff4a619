"""
A scheduled report into a folder below REPORT_FOLDER, where other programs or people collect it.

A file appears whole or not at all, and never outside.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from reports import store
from reports.models import GeneratedReport, Schedule
from reports.schedules.failed import DeliveryFailed
from reports.schedules.lease import Lease

_SEPARATORS = frozenset("/\\\0")


def put(generated: GeneratedReport, schedule: Schedule, lease: Lease) -> None:
    """
    Copy the report's file into the schedule's folder; the same file again replaces itself.

    Raises:
        DeliveryFailed: delivery into folders is off, the name is not a folder's, or the disk refused it.
        LeaseLost: another worker copies it now, or it was deleted.
    """
    target = resolve(schedule.folder)
    draft = target / f".{generated.file_name}.part"
    lease.renew()
    try:
        target.mkdir(parents=True, exist_ok=True)
        with store.storage().open(generated.file_name) as source, draft.open("wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target / generated.file_name)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise DeliveryFailed(f"The folder {schedule.folder!r} did not take it: {error.strerror}") from None


def resolve(name: str) -> Path:
    """
    Return the folder called `name` below REPORT_FOLDER.

    Raises:
        DeliveryFailed: REPORT_FOLDER is not set, or `name` is not the plain name of a folder in it.
    """
    if not settings.REPORT_FOLDER:
        raise DeliveryFailed("Delivery into folders is off: set REPORT_FOLDER, or choose e-mail")
    if not is_plain(name):
        raise DeliveryFailed(f"{name!r} is not the name of a folder: no slash, no dot at the beginning")
    base = Path(settings.REPORT_FOLDER).resolve()
    target = (base / name).resolve()
    # A link in it may lead elsewhere.
    if target.parent != base:
        raise DeliveryFailed(f"{name!r} leads out of REPORT_FOLDER: use a folder, not a link")
    return target


def is_plain(name: str) -> bool:
    """Return whether `name` can be a folder's: one component, not hidden, neither "." nor ".."."""
    return (
        bool(name.strip()) and not name.startswith(".") and not _SEPARATORS & set(name) and name.isprintable()
    )
