"""
Attempts to log in: how many one user or one address made of late.
"""

from django.db import models

from reports import limits


class LoginAttempts(models.Model):
    """
    The count of one key (`reports.logins.counting`), which is no name and no address.

    Attributes:
        free_at: from when on the next attempt is let through.
    """

    key = models.CharField(max_length=limits.SHA256, primary_key=True)
    attempts = models.IntegerField()
    last_at = models.DateTimeField(db_index=True)
    free_at = models.DateTimeField()

    class Meta:
        db_table = "login_attempts"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.attempts} until {self.last_at}"
