"""
A scheduled report by e-mail: attached, or as a link when it is large.

Each recipient gets a message of their own, so that the server answers for each address alone.
"""

from hashlib import sha256
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from reports import store
from reports.catalogue import find
from reports.formats import FORMATS
from reports.models import FileFormat, GeneratedReport, Schedule
from reports.schedules.failed import DeliveryFailed
from reports.schedules.lease import Lease

# What many mail servers still take, once encoded.
MAXIMUM_ATTACHMENT_BYTES = 10 * 1024 * 1024


def send(generated: GeneratedReport, schedule: Schedule, lease: Lease) -> None:
    """
    Send the report to every recipient of the schedule, and renew the lease before each.

    Raises:
        DeliveryFailed: there is no recipient, or the mail server refused one or all.
        LeaseLost: another worker sends it now, or it was deleted.
    """
    recipients = [part.strip() for part in schedule.recipients.split(",") if part.strip()]
    if not recipients:
        raise DeliveryFailed("The schedule names no recipient: give it an address, or another delivery")
    try:
        refused = _send_to(recipients, generated, lease)
    except (SMTPException, OSError, ValueError) as error:
        raise DeliveryFailed(f"{_as_text(error)}. Check EMAIL_URL and the mail server.") from None
    if refused:
        raise DeliveryFailed(f"The mail server refused {', '.join(refused)}. Correct the recipients.")


def _send_to(recipients: list[str], generated: GeneratedReport, lease: Lease) -> list[str]:
    """Send to each; return the recipients that the server refused."""
    connection, refused = get_connection(), []
    try:
        connection.open()
        for recipient in recipients:
            # Forty slow ones take longer than a lease: another worker would send them all again.
            lease.renew()
            if not _is_accepted(_message(recipient, generated, connection)):
                refused.append(recipient)
    finally:
        connection.close()
    return refused


def _is_accepted(message: EmailMessage) -> bool:
    try:
        message.send()
    except SMTPRecipientsRefused:
        return False
    return True


def _message(recipient: str, generated: GeneratedReport, connection: BaseEmailBackend) -> EmailMessage:
    is_small = (generated.size_bytes or 0) <= MAXIMUM_ATTACHMENT_BYTES
    message = EmailMessage(
        subject=f"{find(generated.report).title}, {_days(generated)}",
        body=_body(generated, is_attached=is_small),
        from_email=settings.REPORT_EMAIL_FROM,
        to=[recipient],
        # The same when it is sent again: mail systems keep one.
        headers={"Message-ID": f"<{generated.pk}.{_digest(recipient)}@turnstile>"},
        connection=connection,
    )
    if is_small:
        with store.storage().open(generated.file_name) as file:
            content_type = FORMATS[FileFormat(generated.format)].content_type
            message.attach(generated.file_name, file.read(), content_type)
    return message


def _digest(recipient: str) -> str:
    return sha256(recipient.encode()).hexdigest()[:16]


def _days(generated: GeneratedReport) -> str:
    return f"{generated.parameters['start']} to before {generated.parameters['end']}"


def _body(generated: GeneratedReport, *, is_attached: bool) -> str:
    link = settings.PUBLIC_URL.rstrip("/") + reverse("report-download", args=[generated.pk])
    where = f"It is attached as {generated.file_name}." if is_attached else "It is too large to attach."
    return f"{generated.row_count:,} rows. {where}\n\nDownload it with your login: {link}\n"


def _as_text(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"The mail server answered {error.smtp_code} ({type(error).__name__})"
    return f"The mail server did not take it ({type(error).__name__})"
