"""
The log of downloads in the admin: who downloaded which report, and when. Read only.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from analytics.model_admin import ReadOnlyAdmin
from reports import access
from reports.models import Download
from reports.pages import display


@admin.register(Download)
class DownloadAdmin(ReadOnlyAdmin):
    list_display = ("what", "file_name", "user", "downloaded_at")
    list_filter = ("downloaded_at",)
    list_select_related = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those who are limited to some events see the downloads of their reports, not of deleted ones."""
        downloads = super().get_queryset(request)
        if access.visible_events(request.user) is None:
            return downloads
        return downloads.filter(generated_report__in=access.visible_reports(request.user))

    @admin.display(description="report", ordering="report")
    def what(self, download: Download) -> str:
        return display.title(download.report)
