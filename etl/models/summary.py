"""
Summaries: what was sold, for each event, day and currency. A pure function of the raw rows.

They are never edited: `manage.py etl verify` compares them with the raw rows, `etl rebuild` recomputes them.
"""

from django.db import models

from analytics import limits as analytics_limits
from analytics.models import Event
from etl import limits


class DailyTicketSales(models.Model):
    """
    One event's sales in one currency on one day of the event's time zone.

    `tickets_sold` and `revenue` are sales less refunds, so a day with refunds only is negative. `row_count`
    counts the raw rows behind them; a day without any has no row here.
    """

    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)
    sale_date = models.DateField()
    currency = models.CharField(max_length=limits.CURRENCY)
    tickets_sold = models.BigIntegerField()
    revenue = models.DecimalField(max_digits=limits.REVENUE_DIGITS, decimal_places=limits.AMOUNT_DECIMALS)
    row_count = models.BigIntegerField()
    last_updated = models.DateTimeField()

    class Meta:
        db_table = "daily_ticket_sales"
        verbose_name = verbose_name_plural = "daily ticket sales"
        constraints = (
            models.UniqueConstraint(
                fields=["event", "sale_date", "currency"], name="daily_ticket_sales_once"
            ),
        )
        indexes = (models.Index(fields=["sale_date"], name="daily_ticket_sales_by_date"),)

    def __str__(self) -> str:
        return f"{self.event_id} {self.sale_date} {self.currency}"


class EventSalesSummary(models.Model):
    """One event's sales in one currency: the sum of its days. `event_name` is the event's, kept in step."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)
    event_name = models.CharField(max_length=analytics_limits.EVENT_NAME)
    currency = models.CharField(max_length=limits.CURRENCY)
    total_tickets = models.BigIntegerField()
    total_revenue = models.DecimalField(
        max_digits=limits.REVENUE_DIGITS, decimal_places=limits.AMOUNT_DECIMALS
    )
    row_count = models.BigIntegerField()
    last_updated = models.DateTimeField()

    class Meta:
        db_table = "event_sales_summary"
        verbose_name_plural = "event sales summaries"
        constraints = (
            models.UniqueConstraint(fields=["event", "currency"], name="event_sales_summary_once"),
        )

    def __str__(self) -> str:
        return f"{self.event_id} {self.currency}"
