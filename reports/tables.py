"""
The tables that reports read: those of analytics, and the ETL's by their names in Django's registry.

The apps `etl` and `reports` never import each other (an import contract holds that): what they share is the
schema. No other module here names a model of the ETL.
"""

import sqlalchemy as sa
from django.apps import apps

from core.tables import table_for


def table(name: str) -> sa.Table:
    """
    Return the table of the model `name`, such as "etl.DailyTicketSales" or "analytics.Scan".

    Raises:
        LookupError: there is no such model.
    """
    return table_for(apps.get_model(name))
