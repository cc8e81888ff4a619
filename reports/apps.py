from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        # Only now are all models loaded, which a report of the catalogue may import.
        from reports import permissions

        post_migrate.connect(permissions.create_missing, sender=self)
