"""The admin's look: its navigation, its icon, its users."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from reports.tests.staff import client_of


def links(client: Client) -> set[str]:
    """Return where the sidebar leads."""
    navigation = client.get("/admin/").context["sidebar_navigation"]
    return {item["link"] for group in navigation for item in group["items"] if item["has_permission"]}


@pytest.mark.django_db
class TestTheNavigation:
    def test_leads_to_every_page_of_the_admin(self, admin_client: Client) -> None:
        pages = {
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            for model in admin.site._registry
        }

        assert pages <= links(admin_client)

    def test_leads_to_nothing_that_does_not_open(self, admin_client: Client) -> None:
        assert {
            address for address in links(admin_client) if admin_client.get(address).status_code != 200
        } == set()

    def test_leads_nobody_to_what_they_may_not_see(self) -> None:
        user = User.objects.create(username="usher", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_scan"))

        assert links(client_of(user)) == {
            "/admin/",
            "/admin/pool/",
            "/admin/tickets/",
            "/admin/analytics/scan/",
        }


@pytest.mark.django_db
class TestTheIcon:
    def test_is_named_by_every_page_and_exists(self, admin_client: Client) -> None:
        icons = re.findall(
            r'<link rel="icon" href="/static/([^"]+)"', admin_client.get("/admin/").content.decode()
        )

        assert icons
        assert all(finders.find(icon) for icon in icons)

    def test_is_found_where_browsers_look_by_themselves(self, client: Client) -> None:
        assert client.get("/favicon.ico")["Location"] == "/static/reports/favicon.svg"


@pytest.mark.django_db
class TestUsers:
    def test_are_added_and_changed_in_the_same_look(self, admin_client: Client) -> None:
        form = {
            "username": "ada",
            "usable_password": "true",
            "password1": "correct-horse-7",
            "password2": "correct-horse-7",
        }

        admin_client.post("/admin/auth/user/add/", form)

        ada = User.objects.get(username="ada")
        assert ada.check_password("correct-horse-7")
        assert admin_client.get(f"/admin/auth/user/{ada.pk}/change/").status_code == 200
        assert admin_client.get(f"/admin/auth/user/{ada.pk}/password/").status_code == 200
