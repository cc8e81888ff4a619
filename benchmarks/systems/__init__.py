"""
The systems under comparison, by name. Each one holds at most 5 + 10 connections.

A new system is one module with a class that keeps `contract.System`, and one line here.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from benchmarks.systems.contract import System


class Entry(NamedTuple):
    """A system's place and its name in the reports."""

    place: str  # module:class
    label: str


SYSTEMS: Mapping[str, Entry] = {
    "turnstile": Entry("turnstile:Turnstile", "Turnstile"),
    "django": Entry("django_stock:DjangoPool", "Django pool"),
    "django_checked": Entry("django_stock:CheckedDjangoPool", "Django pool, health checks"),
    "recipe": Entry("recipe:Recipe", "psycopg recipe"),
    "queuepool": Entry("queuepool:PrePingQueuePool", "QueuePool, pre_ping"),
    "django_connection_pool": Entry(
        "django_connection_pool:DjangoConnectionPool", "django-db-connection-pool"
    ),
}


# Not a pool, and so not in the matrix: what the legacy service did.
LEGACY: Mapping[str, Entry] = {
    "engine_per_write": Entry("engine_per_write:EnginePerWrite", "engine per write")
}


def make_system(name: str, url: str) -> System:
    """Return the system called `name`, connected to nothing yet, for the database at `url`."""
    module, _, class_name = {**SYSTEMS, **LEGACY}[name].place.partition(":")
    made: System = getattr(import_module(f"benchmarks.systems.{module}"), class_name)(url)
    return made
