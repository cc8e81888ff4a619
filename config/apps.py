from django.apps import AppConfig


class DeploymentConfig(AppConfig):
    """The commands and system checks of a deployment."""

    name = "config"

    def ready(self) -> None:
        """Register the system checks."""
        from config import checks  # noqa: F401 - importing them registers them
