"""
The download of a report's file: checked, logged, and sent without holding a connection to the database.

A slow client costs one thread, never a pooled connection, and the threads are bounded: beyond WEB_DOWNLOADS
in one process the next client gets a 503 with Retry-After, so that scans always find a thread.
"""

from collections.abc import Iterator
from threading import BoundedSemaphore
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from reports import access, store
from reports.formats import FORMATS
from reports.models import Download, FileFormat, GeneratedReport, ReportState

CHUNK_BYTES = 64 * 1024
RETRY_AFTER_SECONDS = 10
GONE = "This report's file is gone: it expired, or it was deleted. Have the report made again."
NOT_MADE = "This report is not made: it has no file to download."
BUSY = "Too many downloads at once: try again in a few seconds."

_places = BoundedSemaphore(settings.WEB_DOWNLOADS)


@require_GET
def download(request: HttpRequest, report_id: UUID) -> HttpResponseBase:
    """Send a report's file to somebody who may have it; 410 when it is gone, 503 when too many download."""
    generated = get_object_or_404(GeneratedReport, pk=report_id)
    if not access.may_download(request.user, generated.report) or not access.covers(request.user, generated):
        raise PermissionDenied
    if generated.state not in {ReportState.MADE, ReportState.EXPIRED}:
        return _refusal(NOT_MADE, 409)
    if not _is_available(generated):
        return _refusal(GONE, 410)
    body = Body.open(generated)
    if body is None:
        return _refusal(BUSY, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})
    try:
        return _answer(generated, body, request.user)
    except BaseException:
        body.close()
        raise


def _is_available(generated: GeneratedReport) -> bool:
    if generated.state != ReportState.MADE:
        return False
    is_over = generated.expires_at is not None and generated.expires_at <= timezone.now()
    return not is_over and store.has_file(generated)


def _answer(generated: GeneratedReport, body: "Body", user: Any) -> HttpResponseBase:
    # Committed before the first byte is sent: no download is missing in the log.
    Download.objects.create(
        generated_report=generated,
        report=generated.report,
        file_name=generated.file_name,
        sha256=generated.sha256,
        user=user,
        downloaded_at=timezone.now(),
    )
    content_type = FORMATS[FileFormat(generated.format)].content_type
    return StreamingHttpResponse(body, content_type=content_type, headers=_headers(generated))


def _headers(generated: GeneratedReport) -> dict[str, str]:
    return {
        "Content-Length": str(generated.size_bytes),
        "Content-Disposition": content_disposition_header(
            as_attachment=True, filename=generated.file_name.rpartition("/")[2]
        )
        or "attachment",
        "ETag": f'"{generated.sha256}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }


def _refusal(reason: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    every = {"Cache-Control": "no-store", **(headers or {})}
    return HttpResponse(f"{reason}\n", status=status, content_type="text/plain; charset=utf-8", headers=every)


class Body:
    """
    The bytes of a stored file, in chunks. It has one of the process's places until it is closed.

    Django returns the thread's connection only when the response is closed, which is after the slowest client
    has read everything; and middleware may have borrowed one again after the view. So the first step returns
    it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._is_closed = False

    @classmethod
    def open(cls, generated: GeneratedReport) -> "Body | None":
        """Open the file of `generated`; return None when every place is taken."""
        if not _places.acquire(blocking=False):
            return None
        try:
            return cls(store.storage().open(generated.file_name))
        except BaseException:
            _places.release()
            raise

    def __iter__(self) -> Iterator[bytes]:
        close_old_connections()
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Close the file and free the place; the server calls it also when the client disconnected."""
        if not self._is_closed:
            self._is_closed = True
            self._file.close()
            _places.release()
