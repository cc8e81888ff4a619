"""
What reports adds to the admin. Its app is the last, so every other app's pages are registered by now.
"""

from django.contrib import admin

from reports.admin import downloads, generated_reports, schedules, tasks, users
from reports.admin.visible_events import limit_to_visible_events

__all__ = ["downloads", "generated_reports", "schedules", "tasks", "users"]

admin.site.index_template = "reports/dashboard.html"
limit_to_visible_events(admin.site)
