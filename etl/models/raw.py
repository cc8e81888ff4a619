"""
Raw rows: what a source sent, each row in its latest version. Everything else is computed from them.
"""

from django.db import models

from analytics import limits as analytics_limits
from etl import limits


class SaleKind(models.TextChoices):
    """How a row counts: a sale adds, a refund subtracts, what was cancelled counts as nothing."""

    SALE = "sale"
    REFUND = "refund"
    CANCELLED = "cancelled"


class RawEvent(models.Model):
    """One event of one source. A field that the source does not send is "" or null."""

    pk = models.CompositePrimaryKey("source", "event_id")
    source = models.CharField(max_length=limits.SOURCE)
    event_id = models.CharField(max_length=analytics_limits.EVENT_ID)
    name = models.CharField(max_length=analytics_limits.EVENT_NAME)
    timezone = models.CharField(max_length=analytics_limits.TIMEZONE)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    # By the source's clock; null when it does not send it.
    updated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "raw_events"

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}"


class RawSale(models.Model):
    """
    One sale, refund or cancelled sale of one source.

    `event_id` is not a foreign key: checking each row would cost more than the row. The load registers the
    event in the same transaction. `quantity` and `amount` (the row's total, in `currency`) are never
    negative; `kind` decides how they count. A source sends an instant (`sold_at`) or only a day (`sold_on`);
    `sale_date` is that day in the event's time zone.
    """

    pk = models.CompositePrimaryKey("source", "sale_id")
    source = models.CharField(max_length=limits.SOURCE)
    sale_id = models.CharField(max_length=limits.SALE_ID)
    event_id = models.CharField(max_length=analytics_limits.EVENT_ID)
    kind = models.CharField(max_length=limits.KIND, choices=SaleKind)
    quantity = models.IntegerField()
    amount = models.DecimalField(max_digits=limits.AMOUNT_DIGITS, decimal_places=limits.AMOUNT_DECIMALS)
    currency = models.CharField(max_length=limits.CURRENCY)
    sold_at = models.DateTimeField(null=True)
    sold_on = models.DateField(null=True)
    # By the source's clock; null when it does not send it.
    updated_at = models.DateTimeField(null=True)
    ticket_id = models.CharField(max_length=analytics_limits.TICKET_ID)
    sale_date = models.DateField()

    class Meta:
        db_table = "raw_sales"
        indexes = (
            # No index by day: each costs a sixth of the load, and only what is rare asks (`etl rebuild`, a
            # change of zone). Most sources send no ticket: only rows with one are indexed.
            models.Index(fields=["ticket_id"], name="raw_sales_by_ticket", condition=~models.Q(ticket_id="")),
            models.Index(
                fields=["event_id", "ticket_id"],
                name="raw_sales_by_event_ticket",
                condition=~models.Q(ticket_id=""),
            ),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(kind__in=SaleKind.values), name="raw_sales_kind"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0, amount__gte=0), name="raw_sales_never_negative"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.sale_id}"
