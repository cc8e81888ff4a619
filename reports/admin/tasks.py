"""
Background tasks in the admin's look: what the workers took up, and how each ended.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult
from unfold import admin as unfold

if TYPE_CHECKING:
    # unfold ships no types; its classes are Django's with another look.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = unfold.ModelAdmin

admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(DBTaskResultAdmin, ModelAdmin):
    """Read only, as the library has it."""
