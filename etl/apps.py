from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save, pre_save


class EtlConfig(AppConfig):
    name = "etl"

    def ready(self) -> None:
        """Keep days and names in the summaries in step with the events that staff maintain."""
        from analytics.models import Event
        from etl.loading import signals

        options: dict[str, Any] = {"sender": Event, "dispatch_uid": "etl.loading.signals"}
        pre_save.connect(signals.before_save, **options)
        post_save.connect(signals.after_save, **options)
