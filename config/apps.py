from django.apps import AppConfig


class DeploymentConfig(AppConfig):
    """The commands and system checks of a deployment."""

    name = "config"
