"""Who may see, make and take what: permissions for each report, accesses for each event."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.management import call_command
from django.db.migrations.state import StateApps

from analytics.models import Event
from reports import access, permissions
from reports.catalogue import REPORTS, parameters_to_json
from reports.models import FileFormat, GeneratedReport
from reports.tests.conftest import JUNE, LODZ, NOW, TONIGHT
from reports.tests.staff import allow, member

VERBS = (permissions.to_view, permissions.to_generate, permissions.to_download)


class TestPermissions:
    @pytest.mark.django_db
    def test_are_in_the_database(self) -> None:
        names = {f"reports.{name}" for name in Permission.objects.values_list("codename", flat=True)}

        for slug in REPORTS:
            assert {verb(slug) for verb in VERBS} <= names
        assert {permissions.VIEW, permissions.DELETE} <= names

    @pytest.mark.django_db
    def test_of_a_report_that_joins_the_catalogue_are_created_by_migrate(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(permissions, "REPORTS", {**REPORTS, "lost-and-found": REPORTS["transfers"]})

        call_command("migrate", verbosity=0)

        created = Permission.objects.filter(codename__endswith="_lost_and_found").order_by("pk")
        assert [(each.codename, each.name) for each in created] == [
            ("view_lost_and_found", "Can view lost and found"),
            ("generate_lost_and_found", "Can generate lost and found"),
            ("download_lost_and_found", "Can download lost and found"),
        ]
        assert {each.content_type.model_class() for each in created} == {GeneratedReport}

    @pytest.mark.django_db
    def test_stay_the_same_rows_when_migrate_runs_again(self) -> None:
        before = list(Permission.objects.order_by("pk").values())

        call_command("migrate", verbosity=0)

        assert list(Permission.objects.order_by("pk").values()) == before

    @pytest.mark.django_db
    def test_are_those_that_a_migration_made_before_the_catalogue_did(self) -> None:
        [operation] = import_module("reports.migrations.0003_view_each_report").Migration.operations

        assert set(operation.options["permissions"]) <= set(
            Permission.objects.values_list("codename", "name")
        )

    @pytest.mark.django_db
    def test_are_left_alone_where_the_reports_tables_are_not_migrated_yet(self) -> None:
        count = Permission.objects.count()

        permissions.create_missing(using="default", apps=StateApps([], {}))

        assert Permission.objects.count() == count

    def test_are_separate_for_making_and_taking(self, tonight: Event) -> None:
        user = member("seller", "daily-sales")

        assert access.viewable(user) == ["daily-sales"]
        assert access.may_generate(user, "daily-sales")
        assert access.may_download(user, "daily-sales")
        assert not access.may_generate(user, "transfers")
        assert not access.may_download(user, "a-report-of-long-ago")

    @pytest.mark.parametrize("verb", VERBS)
    def test_to_view_comes_with_each_of_a_reports_own_and_holds_for_it_alone(
        self, tonight: Event, verb: Callable[[str], str]
    ) -> None:
        user = member("viewer")
        allow(user, verb("daily-sales"))

        assert access.viewable(User.objects.get(pk=user.pk)) == ["daily-sales"]

    def test_to_view_reports_at_all_shows_none_by_itself(self, tonight: Event) -> None:
        assert access.viewable(member("viewer")) == []


class TestEventAccess:
    def test_limits_nobody_who_has_none(self, tonight: Event) -> None:
        assert access.visible_events(member("seller")) is None

    def test_never_limits_a_superuser(self, tonight: Event) -> None:
        boss = member("boss", events=(tonight,), is_superuser=True)

        assert access.visible_events(boss) is None

    def test_lists_the_events_of_a_limited_user(self, tonight: Event, lodz: Event) -> None:
        assert access.visible_events(member("desk", events=(tonight, lodz))) == (LODZ, TONIGHT)

    @pytest.mark.django_db
    def test_shows_nothing_to_a_stranger_or_an_inactive_user(self) -> None:
        assert access.visible_events(AnonymousUser()) == ()
        assert access.visible_events(User(is_active=False, is_superuser=True)) == ()

    def test_keeps_reports_that_are_not_about_events_from_limited_users(
        self, tonight: Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(REPORTS["daily-sales"], "is_about_events", False, raising=False)

        assert not access.may_generate(member("desk", "daily-sales", events=(tonight,)), "daily-sales")
        assert access.may_generate(member("seller", "daily-sales"), "daily-sales")


class TestNarrowing:
    def test_sorts_so_that_equal_choices_are_equal(self, tonight: Event) -> None:
        chosen = replace(JUNE, event_ids=(TONIGHT, LODZ, TONIGHT))

        assert access.narrow(member("seller"), chosen).event_ids == (LODZ, TONIGHT)

    def test_gives_a_limited_user_all_of_theirs(self, lodz: Event) -> None:
        assert access.narrow(member("desk", events=(lodz,)), JUNE).event_ids == (LODZ,)


class TestVisibleReports:
    @pytest.mark.parametrize(
        ("event_ids", "is_seen"),
        [(None, False), ((TONIGHT,), False), ((LODZ, TONIGHT), False), ((LODZ,), True), ((), True)],
    )
    def test_are_those_of_events_within_the_users(
        self, lodz: Event, event_ids: tuple[str, ...] | None, is_seen: bool
    ) -> None:
        user = member("desk", "daily-sales", events=(lodz,))
        generated = GeneratedReport.objects.create(
            report="daily-sales",
            format=FileFormat.CSV,
            parameters=parameters_to_json(replace(JUNE, event_ids=event_ids)),
            requested_at=NOW,
        )

        assert access.visible_reports(user).exists() is is_seen
        assert access.covers(user, generated) is is_seen

    def test_are_none_without_the_permission(self, tonight: Event) -> None:
        GeneratedReport.objects.create(report="daily-sales", format=FileFormat.CSV, requested_at=NOW)
        nobody = User.objects.create_user("nobody", is_staff=True)

        assert not access.visible_reports(nobody).exists()
        assert access.visible_reports(member("seller", "daily-sales")).exists()

    def test_are_of_the_reports_that_the_user_may_view(self, tonight: Event) -> None:
        for slug in ("daily-sales", "transfers", "of-an-earlier-version"):
            GeneratedReport.objects.create(report=slug, format=FileFormat.CSV, requested_at=NOW)
        seller, boss = member("seller", "daily-sales"), member("boss", is_superuser=True)

        assert [each.report for each in access.visible_reports(seller)] == ["daily-sales"]
        assert access.visible_reports(boss).count() == 3
