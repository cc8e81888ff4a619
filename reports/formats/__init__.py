"""
The formats: how a report's rows become a file.

Adding one is a module here, its line in FORMATS, and its choice in `reports.models.FileFormat`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from reports.formats.contract import Content, Format
from reports.formats.csv import Csv
from reports.formats.json import Json
from reports.formats.pdf import Pdf
from reports.formats.xlsx import Xlsx
from reports.models import FileFormat

__all__ = ["FORMATS", "Content", "Format"]

FORMATS: Mapping[FileFormat, Format] = MappingProxyType(
    {
        FileFormat.CSV: Csv(),
        FileFormat.CSV_BOM: Csv(has_bom=True),
        FileFormat.XLSX: Xlsx(),
        FileFormat.PDF: Pdf(),
        FileFormat.JSON: Json(),
    }
)
