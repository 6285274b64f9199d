# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of the adapter ``file``."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from ..._util.pydantic import AfterValidator, BeforeValidator, Field
from ...storage.files import PRIVATE
from ..core.options import Count, Kind, Options, Text
from ..documents.csv_format import AUTO


def _mode(value: Any) -> int:
    mode = value
    if isinstance(value, str):
        try:
            mode = int(value, 8)
        except ValueError:
            mode = -1
    if isinstance(mode, bool) or not isinstance(mode, int) or not 0 <= mode <= 0o7777:
        raise ValueError(f'these are not permissions such as "0640": {value!r}.')
    return mode


def _encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError(f"unknown encoding {value!r}; use utf-8 or latin-1, for example.") from None


def _delimiter(value: str) -> str:
    if value != AUTO and (len(value) != 1 or value in '"\r\n'):
        raise ValueError(f"this should be one character, such as ; or a tab, or auto, and is {value!r}.")
    return value


class FileOptions(Options):
    """Options of the adapter ``file``."""

    path: Text = Field(
        description="A file; a glob such as `sites/*.yml`; a directory with a file for each object; or an address, such as "
        "`https://`, `s3://`, `sftp://` or `git+https://`. Addresses and compressed files (`.gz`) are only read."
    )
    format: Literal["yaml", "json", "jsonl", "csv", "tsv", "toml", "xlsx"] | None = Field(
        None, description="Format of the files. Defaults to the format of each file's extension."
    )
    document: Count | None = Field(
        None,
        description="Number, from 1, of the only document that is read and written in a YAML file with several of them, which "
        "begin with `---`. Defaults to all. A new object needs it where several documents hold its model.",
    )
    create: bool = Field(False, description="Whether a file or directory that does not exist counts as empty, and is created.")
    mode: Annotated[int, BeforeValidator(_mode), Kind("file permissions", "{:04o}")] = Field(
        PRIVATE, description='Permissions of new files, such as `"0640"`. Those of existing files are kept.'
    )
    encoding: Annotated[Text, AfterValidator(_encoding)] = Field("utf-8", description="Character encoding of the file.")
    delimiter: Annotated[Text, AfterValidator(_delimiter)] | None = Field(
        None,
        description="Delimiter between the cells of CSV and TSV, or `auto` for the comma, semicolon, tab, or vertical bar that "
        "each file has. Defaults to a comma, or a tab for TSV.",
    )
    list_separator: Text = Field(",", description="Separator between the items of a list in a cell of CSV, TSV or XLSX.")
    storage_options: Mapping[str, Any] | None = Field(
        None,
        repr=False,
        description="For an address: `username`, `password`, `headers`, `ca_file` and `trust_env`, or options of fsspec, such as "
        "`key` and `secret` of `s3://`.",
    )
