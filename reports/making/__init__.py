"""
Making a report: one transaction, from which a file is written.
"""

from reports.making.make import InsideTransaction, MadeFile, make_file
from reports.making.preview import Preview

__all__ = ["InsideTransaction", "MadeFile", "Preview", "make_file"]
