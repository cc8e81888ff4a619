"""
Users and groups in the admin's look.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangosGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.models import Group, User
from unfold import admin as unfold
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

if TYPE_CHECKING:
    # unfold ships no types; its classes are Django's with another look.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = unfold.ModelAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangosUserAdmin, ModelAdmin):  # type: ignore[type-arg] # generic in the stubs only
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangosGroupAdmin, ModelAdmin):
    pass
