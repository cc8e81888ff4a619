"""
PDF: a page that says what the report found, with a chart, then the rows as a table.
"""

from reports.formats.pdf.document import Pdf

__all__ = ["Pdf"]
