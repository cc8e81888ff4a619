"""
The addresses that monitors ask: each with a slash at its end or without, as probes are written.

`config.hosts` answers them whatever Host they name. No view behind them reads it.
"""

from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from health import views

# By address: the view, and its name. /livez and /readyz are what Kubernetes calls them.
_VIEWS: dict[str, tuple[Callable[[HttpRequest], JsonResponse], str]] = {
    "health": (views.health, "health"),
    "livez": (views.health, "health"),
    "ready": (views.ready, "ready"),
    "readyz": (views.ready, "ready"),
    "health/db": (views.health_db, "health-db"),
}

# Exempt: they change nothing, and another method deserves its 405, not a 403 about a cookie.
urlpatterns = [
    path(f"{address}{end}", csrf_exempt(view), name=name)
    for address, (view, name) in _VIEWS.items()
    for end in ("/", "")
]
PATHS = frozenset(f"/{pattern.pattern}" for pattern in urlpatterns)
