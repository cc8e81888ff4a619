from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save, pre_save


class EtlConfig(AppConfig):
    name = "etl"

    def ready(self) -> None:
        """Keep days and names in the summaries in step with the events that staff maintain."""
        from analytics.models import Event
        from etl.loading import follow

        options: dict[str, Any] = {"sender": Event, "dispatch_uid": "etl.loading.follow"}
        pre_save.connect(follow.before_save, **options)
        post_save.connect(follow.after_save, **options)
