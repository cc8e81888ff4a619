"""
Addresses below /admin/, each behind the admin's login.
"""

from django.contrib import admin
from django.urls import path

from reports.dashboard import event_page, live, ticket_page

urlpatterns = [
    path("live.json", admin.site.admin_view(live.tonight), name="live"),
    # Before the events' own page: an id never contains a slash here, the admin's `quote` writes it as _2F.
    path("events/<str:quoted_id>/live.json", admin.site.admin_view(live.one_event), name="event-live"),
    path("events/<str:quoted_id>/live/", admin.site.admin_view(event_page.event_page), name="event-page"),
    path("tickets/", admin.site.admin_view(ticket_page.ticket_page), name="ticket-lookup"),
]
