# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The formats of files: text → tree of lists and dictionaries, and text with some changes made in it, all else as it was.

::

    yaml   only the changed values are exchanged in the text (:mod:`.yaml_format`); read as Ansible reads it
    toml   comments and order are kept, by tomlkit
    json   only what is changed is rewritten (:mod:`.json_format`)
    jsonl  a record a line; other lines than those of changed records are kept
    csv    a record a row; other rows than those of changed records are kept, as are the columns' order and the marks around cells
    tsv    the same with tabs
    xlsx   a sheet for each model, a record a row; other sheets and the formats of cells are kept, by openpyxl
"""

from __future__ import annotations

from .csv_format import CsvFormat, TsvFormat
from .format import Format
from .json_format import JsonFormat, JsonLinesFormat
from .toml_format import TomlFormat
from .xlsx_format import XlsxFormat
from .yaml_format import YamlFormat

FORMATS: dict[str, type[Format]] = {
    "yaml": YamlFormat,
    "json": JsonFormat,
    "jsonl": JsonLinesFormat,
    "csv": CsvFormat,
    "tsv": TsvFormat,
    "toml": TomlFormat,
    "xlsx": XlsxFormat,
}
"""Name of a format → what reads and changes strings in it."""


def format_of(file_name: str) -> str | None:
    """Return the format that the extension of a file's name determines, or None."""
    return next((name for name, kind in FORMATS.items() if file_name.lower().endswith(kind.suffixes)), None)
