"""
What the admin's pages are built on: unfold's classes under Django's types, and a page that only shows.

It stands in `analytics`, the lowest app that has pages, so that `etl` and `reports` may build on it, too.
"""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from unfold import admin as unfold

if TYPE_CHECKING:
    # unfold ships no types; its classes are Django's with another look.
    from django.contrib import admin

    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = unfold.ModelAdmin, unfold.TabularInline


class ReadOnlyAdmin(ModelAdmin):
    """A page of rows that only the service writes: nobody adds, changes or deletes one by hand."""

    # Counting every row, beside the rows that match, would be slow after the first million.
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
