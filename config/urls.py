"""
Every address of the service: monitoring, the admin, the API at the legacy service's own paths.
"""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from config import service_key
from config.api import api
from health import holders
from reports import downloads

handler500 = "config.unavailable.server_error"

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    # Browsers ask for it by themselves where a page names no icon, such as the API's.
    path("favicon.ico", RedirectView.as_view(url=static("reports/favicon.svg"))),
    path("", include("health.urls")),
    # Exempt: it changes nothing, and another method deserves its 405, not a 403 about a cookie.
    path(
        "health/pool",
        csrf_exempt(require_safe(service_key.required(holders.pool_json))),
        name="health-pool",
    ),
    path("admin/pool/", admin.site.admin_view(holders.pool_page), name="pool-page"),
    path(
        "admin/reports/<uuid:report_id>/download/",
        admin.site.admin_view(downloads.download),
        name="report-download",
    ),
    path("admin/", include("reports.dashboard.urls")),
    path("admin/", admin.site.urls),
    path("", api.urls),
]
