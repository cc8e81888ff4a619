"""
The storage of reports' files: their names, how one is stored whole, how one is found again.

A path comes from this storage and the name in a row, never from a request.
"""

import shutil
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from reports.catalogue import Parameters, parameters_to_json
from reports.formats import FORMATS
from reports.models import FileFormat, GeneratedReport, ReportState

ALIAS = "reports"
# Files in the making; beside the stored ones, so that storing one is a rename.
MAKING = ".making"


def storage() -> Storage:
    """Return the storage of reports: STORAGES["reports"]."""
    return storages[ALIAS]


def working_folder() -> Path:
    """Return the folder of files in the making, which no other user may enter; make it when it is missing."""
    folder = Path(settings.REPORT_STORAGE) / MAKING
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def working_path(generated: GeneratedReport) -> Path:
    """Return where this attempt writes its file, after removing what a killed attempt left."""
    folder = working_folder()
    for left in folder.glob(f"{generated.pk}.*"):
        remove_left(left)
    return folder / f"{generated.pk}.{generated.attempt}"


def remove_left(path: Path) -> None:
    """Remove what a killed attempt left: a file, or a folder of temporary files; no error if it is gone."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def file_name(generated: GeneratedReport, *, now: datetime) -> str:
    """Return a name such as "2025-06-02-daily-sales-1a2b3c4d.csv"."""
    suffix = FORMATS[FileFormat(generated.format)].suffix.lstrip(".")
    return f"{now:%Y-%m-%d}-{generated.report}-{generated.pk.hex[:8]}.{suffix}"


class WholeFile(File):  # type: ignore[type-arg]  # generic in the stubs only
    """A finished file that the storage may take as it is: the file system's renames it, others read it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


def put(path: Path, name: str) -> str:
    """Move the file at `path` into the storage and return the name that it got there, a free one."""
    with WholeFile(path) as file:
        stored: str = storage().save(name, file)
    path.unlink(missing_ok=True)
    return stored


def delete_file(name: str) -> None:
    """Delete a stored file; no error when it is gone already, or when `name` is empty."""
    if name:
        storage().delete(name)


def has_file(generated: GeneratedReport) -> bool:
    """Return whether the file of a report exists."""
    return bool(generated.file_name) and storage().exists(generated.file_name)


def reusable(
    *, slug: str, parameters: Parameters, file_format: FileFormat, data_version: str, now: datetime
) -> GeneratedReport | None:
    """
    Return the newest stored report of the same data, parameters and format; None when there is none.

    One that expired, or whose file is gone, does not count.
    """
    same = GeneratedReport.objects.filter(
        report=slug,
        data_version=data_version,
        parameters=parameters_to_json(parameters),
        format=file_format,
        state=ReportState.MADE,
        expires_at__gt=now,
    )
    return next(filter(has_file, same.order_by("-finished_at")), None)
