"""
The admin's look: its name, its colours and its navigation, by the tasks of staff.

Every script, style and font comes from this service: no page of the admin asks another host for anything.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

# Title, icon, model. A group without an entry that the reader may open is not shown.
_MODELS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Events": (
        ("Events", "event", "analytics.Event"),
        ("Gates", "sensor_door", "analytics.Gate"),
    ),
    "Reports": (
        ("Reports", "description", "reports.GeneratedReport"),
        ("Schedules", "schedule_send", "reports.Schedule"),
        ("Downloads", "download", "reports.Download"),
    ),
    "Sales and ETL": (
        ("Sales by event", "payments", "etl.EventSalesSummary"),
        ("Sales by day", "calendar_month", "etl.DailyTicketSales"),
        ("Raw sales", "receipt_long", "etl.RawSale"),
        ("ETL runs", "sync", "etl.Run"),
        ("Rejected rows", "report", "etl.RejectedRow"),
    ),
    "Gates and scans": (
        ("Scans", "qr_code_scanner", "analytics.Scan"),
        ("Admissions", "how_to_reg", "analytics.Admission"),
        ("Transfers", "swap_horiz", "analytics.Transfer"),
        ("Invalid attempts", "gpp_bad", "analytics.InvalidAttempt"),
        ("Counters", "pin", "analytics.EventCounter"),
    ),
    "People": (
        ("Users", "person", "auth.User"),
        ("Groups", "group", "auth.Group"),
    ),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's description of the sidebar: groups of links, each with its permission."""
    groups = [_group(title, [_model_link(*entry) for entry in _with_page(title)]) for title in _MODELS]
    tonight = _group("", [_link("Tonight", "monitoring", "admin:index"), _ticket_link()])
    tasks = _model_link("Background tasks", "engineering", "django_tasks_database.DBTaskResult")
    system = _group("System", [_link("Database pool", "database", "pool-page"), tasks])
    return [tonight, *groups, system]


def _group(title: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "separator": bool(title), "items": items}


def _with_page(title: str) -> list[tuple[str, str, str]]:
    """Return the entries of a group whose models have a page in the admin."""
    return [entry for entry in _MODELS[title] if admin.site.is_registered(apps.get_model(entry[2]))]


def _model_link(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.lower().split(".")
    link = _link(title, icon, f"admin:{app}_{name}_changelist")
    return {**link, "permission": _may(f"{app}.view_{name}", f"{app}.change_{name}")}


def _ticket_link() -> dict[str, Any]:
    return {**_link("Find a ticket", "search", "ticket-lookup"), "permission": _may("analytics.view_scan")}


def _link(title: str, icon: str, address: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(address)}


def _may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: any(request.user.has_perm(permission) for permission in permissions)


def _icon(request: HttpRequest) -> str:
    return static("reports/favicon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Turnstile",
    "SITE_HEADER": "Turnstile",
    "SITE_SUBHEADER": "Gates, sales and reports",
    "SITE_ICON": _icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "DASHBOARD_CALLBACK": "reports.dashboard.page.add_numbers",
    "SIDEBAR": {"show_search": True, "navigation": navigation},
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% 0.013 185)",
            "100": "oklch(95% 0.035 185)",
            "200": "oklch(90% 0.065 185)",
            "300": "oklch(84% 0.095 184)",
            "400": "oklch(76% 0.115 183)",
            "500": "oklch(68% 0.115 183)",
            "600": "oklch(52% 0.095 185)",
            "700": "oklch(45% 0.082 186)",
            "800": "oklch(39% 0.068 188)",
            "900": "oklch(34% 0.055 190)",
            "950": "oklch(25% 0.042 192)",
        },
    },
}
