"""Deliveries: a real mail server on this machine that takes or refuses, and folders on its disk."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.contrib.auth.models import User
from django.db import connections

from config.tests.service import free_port
from core.db import pool_stats
from reports import permissions, store
from reports.models import Delivery, GeneratedReport, Schedule
from reports.schedules import delivery, due, email, folder
from reports.schedules.failed import DeliveryFailed
from reports.schedules.lease import LEASE
from reports.tests.conftest import NOW, files, store_schedule
from reports.tests.staff import forbid
from reports.worker import run_queue

if TYPE_CHECKING:
    from email.message import Message


class Mailbox:
    """What arrived; refuses nobody but NOBODY@, and does `meanwhile` before it takes a message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.recipients: list[str] = []
        self.lent: list[int] = []
        self.meanwhile: Callable[[], object] = lambda: None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.lent.append(pool_stats().checked_out)
        await asyncio.to_thread(self._do_meanwhile)
        self.messages.append(message_from_bytes(envelope.content))
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def _do_meanwhile(self) -> None:
        try:
            self.meanwhile()
        finally:
            connections.close_all()


@pytest.fixture
def mail_server(settings: Any) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield mailbox
    controller.stop()


RunSchedule = Callable[..., Schedule]


@pytest.fixture
def run_schedule(seller: User, storage_folder: Path) -> RunSchedule:
    """Run a schedule of the seller's that is due, and make its report; what is left is to deliver it."""

    def run(**changes: Any) -> Schedule:
        schedule = store_schedule(seller, **{"next_run_at": NOW, **changes})
        due.run_due(now=NOW)
        run_queue(now=NOW)
        return schedule

    return run


LATER = NOW + timedelta(minutes=1)


def again(schedule: Schedule) -> Schedule:
    schedule.refresh_from_db()
    return schedule


class TestAnEmail:
    def test_brings_the_file_and_the_link(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        schedule = run_schedule(failure_count=2, last_error="down")

        assert delivery.deliver_due(now=LATER) == 1

        [message] = mail_server.messages
        generated = GeneratedReport.objects.get()
        body, attachment = list(message.walk())[1:]
        assert message["Subject"] == "Daily sales, 2025-06-01 to before 2025-06-02"
        assert attachment.get_filename() == generated.file_name
        with store.storage().open(generated.file_name) as file:
            assert attachment.get_payload(decode=True) == file.read()
        assert f"http://127.0.0.1:8000/admin/reports/{generated.pk}/download/" in str(body.get_payload())
        assert (generated.delivered_at, generated.delivery_due_at) == (LATER, None)
        assert (again(schedule).failure_count, schedule.last_error) == (0, "")

    def test_is_a_link_only_when_the_file_is_large(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        run_schedule()
        GeneratedReport.objects.update(size_bytes=email.MAXIMUM_ATTACHMENT_BYTES + 1)

        delivery.deliver_due(now=LATER)

        [message] = mail_server.messages
        assert not message.is_multipart()
        assert "too large to attach" in str(message.get_payload())

    def test_goes_to_each_recipient_alone(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        run_schedule(recipients="ada@example.org, grace@example.org,")

        delivery.deliver_due(now=LATER)

        assert mail_server.recipients == ["ada@example.org", "grace@example.org"]
        assert [message["To"] for message in mail_server.messages] == mail_server.recipients

    def test_holds_no_connection_while_the_server_is_slow(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        run_schedule()

        delivery.deliver_due(now=LATER)

        assert mail_server.lent == [0]

    def test_is_sent_once(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        run_schedule()

        delivery.deliver_due(now=LATER)
        delivery.deliver_due(now=LATER + timedelta(days=1))

        assert len(mail_server.messages) == 1

    def test_whose_worker_died_is_sent_again_after_the_lease(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        run_schedule()
        assert delivery._take(LATER) is not None

        assert delivery.deliver_due(now=LATER) == 0
        assert delivery.deliver_due(now=LATER + LEASE) == 1


class TestAnEmailToMany:
    def test_renews_its_lease_before_each(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        run_schedule(recipients="ada@example.org, grace@example.org")
        ends: list[Any] = []
        mail_server.meanwhile = lambda: ends.append(GeneratedReport.objects.get().delivery_due_at)

        delivery.deliver_due(now=LATER)

        assert LATER + LEASE < ends[0] < ends[1]

    def test_stops_when_another_worker_took_it_up(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        schedule = run_schedule(recipients="ada@example.org, grace@example.org")
        theirs = LATER + timedelta(days=1)
        mail_server.meanwhile = lambda: GeneratedReport.objects.update(delivery_due_at=theirs)

        assert delivery.deliver_due(now=LATER) == 0

        generated = GeneratedReport.objects.get()
        assert mail_server.recipients == ["ada@example.org"]
        assert (generated.delivery_due_at, generated.delivered_at) == (theirs, None)
        assert again(schedule).failure_count == 0

    def test_stops_when_the_report_is_deleted(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        run_schedule(recipients="ada@example.org, grace@example.org")
        mail_server.meanwhile = GeneratedReport.objects.all().delete

        delivery.deliver_due(now=LATER)

        assert mail_server.recipients == ["ada@example.org"]


class TestAnEmailThatFails:
    def test_names_the_recipient_whom_the_server_refused(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        schedule = run_schedule(recipients="nobody@example.org, ada@example.org")

        delivery.deliver_due(now=LATER)

        assert mail_server.recipients == ["ada@example.org"]
        assert again(schedule).last_error == (
            "The mail server refused nobody@example.org. Correct the recipients."
        )

    def test_says_that_nobody_listens(
        self, run_schedule: RunSchedule, mail_server: Mailbox, settings: Any
    ) -> None:
        schedule = run_schedule()
        settings.EMAIL_PORT = free_port()

        delivery.deliver_due(now=LATER)

        assert again(schedule).failure_count == 1
        assert "ConnectionRefusedError" in schedule.last_error
        assert "EMAIL_URL" in schedule.last_error

    def test_never_shows_the_password(
        self, run_schedule: RunSchedule, mail_server: Mailbox, settings: Any
    ) -> None:
        schedule = run_schedule()
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "turnstile", "very-secret"

        delivery.deliver_due(now=LATER)

        assert again(schedule).failure_count == 1
        assert "very-secret" not in schedule.last_error

    def test_without_a_recipient_says_so(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        schedule = run_schedule(recipients=" , ")

        delivery.deliver_due(now=LATER)

        assert "names no recipient" in again(schedule).last_error

    def test_with_a_line_break_in_an_address_is_not_sent(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        schedule = run_schedule(recipients="ada@example.org\nBcc: eve@example.org")

        delivery.deliver_due(now=LATER)

        assert (mail_server.messages, again(schedule).failure_count) == ([], 1)


class TestADelivery:
    def test_asks_for_the_owners_permission_again(
        self, run_schedule: RunSchedule, mail_server: Mailbox, seller: User
    ) -> None:
        schedule = run_schedule()
        forbid(seller, permissions.to_download("daily-sales"))

        delivery.deliver_due(now=LATER)

        assert mail_server.messages == []
        assert permissions.to_download("daily-sales") in again(schedule).last_error

    def test_of_a_report_that_failed_counts_as_a_failure(
        self, run_schedule: RunSchedule, seller: User, storage_folder: Path
    ) -> None:
        storage_folder.mkdir()
        (storage_folder / ".making").touch()

        schedule = run_schedule()

        assert (again(schedule).failure_count, schedule.last_error[:14]) == (1, "The disk said:")

    def test_of_a_file_that_is_gone_says_so(self, run_schedule: RunSchedule, mail_server: Mailbox) -> None:
        schedule = run_schedule()
        store.delete_file(GeneratedReport.objects.get().file_name)

        delivery.deliver_due(now=LATER)

        assert "file is gone" in again(schedule).last_error

    def test_of_a_report_that_is_deleted_meanwhile_stops_nothing(
        self, run_schedule: RunSchedule, mail_server: Mailbox
    ) -> None:
        run_schedule()
        mail_server.meanwhile = GeneratedReport.objects.all().delete

        assert delivery.deliver_due(now=LATER) == 1

        assert not GeneratedReport.objects.exists()

    def test_that_fails_unexpectedly_fails_alone(
        self, run_schedule: RunSchedule, mail_server: Mailbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        schedule = run_schedule()
        GeneratedReport.objects.update(parameters={})
        run_schedule()

        assert delivery.deliver_due(now=LATER) == 1

        assert (again(schedule).failure_count, schedule.last_error[:15]) == (1, "It stopped with")
        assert "Traceback" in caplog.text

    def test_of_a_report_that_was_asked_for_by_hand_does_not_happen(
        self, made: GeneratedReport, mail_server: Mailbox
    ) -> None:
        assert delivery.deliver_due(now=LATER) == 0


@pytest.fixture
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.REPORT_FOLDER = str(tmp_path / "outbox")
    return tmp_path / "outbox"


class TestAFolder:
    def test_gets_the_file_whole(self, run_schedule: RunSchedule, outbox: Path, storage_folder: Path) -> None:
        run_schedule(delivery=Delivery.FOLDER, folder="organiser")

        assert delivery.deliver_due(now=LATER) == 1

        [name] = files(outbox)
        assert (outbox / "organiser" / name).read_bytes() == (storage_folder / name).read_bytes()

    @pytest.mark.parametrize(
        "name", ["", " ", ".", "..", "../elsewhere", "a/b", "a\\b", "/etc", ".hidden", "a\0b", "a\nb"]
    )
    def test_never_lies_outside(self, outbox: Path, name: str) -> None:
        with pytest.raises(DeliveryFailed, match="is not the name of a folder"):
            folder.resolve(name)

    def test_that_is_a_link_to_elsewhere_is_refused(self, outbox: Path, tmp_path: Path) -> None:
        outbox.mkdir()
        (outbox / "organiser").symlink_to(tmp_path)

        with pytest.raises(DeliveryFailed, match="leads out of REPORT_FOLDER"):
            folder.resolve("organiser")

    def test_is_off_without_the_setting(self, run_schedule: RunSchedule) -> None:
        schedule = run_schedule(delivery=Delivery.FOLDER, folder="organiser")

        delivery.deliver_due(now=LATER)

        assert "set REPORT_FOLDER" in again(schedule).last_error

    def test_that_cannot_be_written_says_what_the_disk_said(
        self, run_schedule: RunSchedule, outbox: Path
    ) -> None:
        outbox.touch()
        schedule = run_schedule(delivery=Delivery.FOLDER, folder="organiser")

        delivery.deliver_due(now=LATER)

        assert "did not take it" in again(schedule).last_error
