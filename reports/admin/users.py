"""
Users and groups in the admin's look.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangosGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from analytics.model_admin import ModelAdmin, TabularInline
from reports.models import EventAccess

admin.site.unregister(User)
admin.site.unregister(Group)


class EventAccessInline(TabularInline):
    """The events that a user is limited to; none here means all."""

    model = EventAccess
    extra = 0
    autocomplete_fields = ("event",)
    verbose_name = "event that they may see"
    verbose_name_plural = "Limited to these events (none: all of them; superusers are never limited)"


@admin.register(User)
class UserAdmin(DjangosUserAdmin, ModelAdmin):  # type: ignore[type-arg] # generic in the stubs only
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (EventAccessInline,)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Return none for a new user, who gets a name and a password first."""
        return super().get_inlines(request, obj) if obj else ()


@admin.register(Group)
class GroupAdmin(DjangosGroupAdmin, ModelAdmin):
    pass
