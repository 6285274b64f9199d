# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The cells of CSV, TSV and XLSX: which lists and nested fields they represent, and how values are written in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_origin

from ...exceptions import RecordProblem
from ...model.values import members_of
from ...records.mapping import ModelMap, Values, plain_value
from ...records.path import Path as FieldPath
from ...records.path import text_of_path, write
from ..core.cells import Words, is_json_list, words_in
from ..documents.document import Document, Located
from .document import File


class Cells:
    """Reads and writes cells; those of formats without cells are left as they are.

    Args:
        separator: what is between the items of a list.
    """

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._lists: dict[str, list[FieldPath]] = {}
        self._dotted: dict[str, list[FieldPath]] = {}
        self._words_of: dict[tuple[str, str], Words] = {}

    def are_values(self, mapped: ModelMap) -> bool:
        """Return whether the cells of a model are read as they are: it has no lists, and no paths with a dot."""
        return not self._lists_of(mapped) and not self._dotted_of(mapped)

    def read(self, mapped: ModelMap, record: Located) -> None:
        """Change a record, as it is in a file, into what is read."""
        if isinstance(record.document, File) and record.document.format.cells:
            for path in self._dotted_of(mapped):
                if path[0] not in record and text_of_path(path) in record:
                    write(record, path, record[text_of_path(path)])
            for (name,) in self._lists_of(mapped):
                value = record.get(name)
                if isinstance(value, str) and not is_json_list(value):
                    record[name] = [item.strip() for item in value.split(self._separator)] if value else []

    def _dotted_of(self, mapped: ModelMap) -> list[FieldPath]:
        if mapped.name not in self._dotted:
            self._dotted[mapped.name] = [*_dotted_paths(mapped)]
        return self._dotted[mapped.name]

    def _lists_of(self, mapped: ModelMap) -> list[FieldPath]:
        """Return the native fields whose attributes are lists or sets."""
        if mapped.name not in self._lists:
            fields = [(mapped.model.model_fields[name].annotation, one.source) for name, one in mapped.fields.items()]
            self._lists[mapped.name] = [
                source
                for annotation, source in fields
                if source is not None
                and len(source) == 1
                and any(get_origin(kind) in (list, set) for kind in members_of(annotation))
            ]
        return self._lists[mapped.name]

    def written(self, values: Values, document: Document) -> Values:
        """Return values as a file holds them. Raises RecordProblem."""
        if not isinstance(document, File) or not document.format.cells:
            return values
        return {(text_of_path(path),): self._cell(path, value, document) for path, value in values.items()}

    def _cell(self, path: FieldPath, value: Any, document: File) -> Any:
        if isinstance(value, dict) or (isinstance(value, list) and self._is_kept_as_json(path, value, document)):
            return json.dumps(plain_value(value), ensure_ascii=False)
        if isinstance(value, list):
            items = [str(self._cell(path, item, document)) for item in value]
            if any(self._separator in item or item != item.strip() or not item for item in items):
                raise RecordProblem(
                    f'an item of "{path[0]}" is empty, has blanks at its ends, or contains "{self._separator}", which '
                    "separates items: a cell cannot hold it"
                )
            return self._separator.join(items)
        if document.format.typed:
            return value
        if isinstance(value, bool):
            return self._words(text_of_path(path), document)[value]
        return "" if value is None else str(value)

    def _is_kept_as_json(self, path: FieldPath, value: list[Any], document: File) -> bool:
        """Return whether a list is written as JSON: as others of its column are, or since items between separators would not do."""
        if any(isinstance(item, (list, dict)) for item in value) or is_json_list(self._separator.join(map(str, value))):
            return True
        cells = (record.get(text_of_path(path)) for record in document.located())
        return any(isinstance(cell, str) and is_json_list(cell) for cell in cells)

    def _words(self, column: str, document: File) -> Words:
        """Return what a column has for false and for true."""
        if (document.name, column) not in self._words_of:
            cells = (record[column] for record in document.tree or () if column in record)
            self._words_of[document.name, column] = words_in(cells)
        return self._words_of[document.name, column]


def _dotted_paths(mapped: ModelMap) -> Iterator[FieldPath]:
    """Yield the paths of a mapping that have a dot in them; in a row, which has no field inside another, they name columns."""
    fields = [*mapped.fields.values(), *(mapped.parent.fields if mapped.parent else ())]
    paths = [*mapped.where, *(mapped.parent.match if mapped.parent else ()), *(one.source for one in fields if one.source)]
    return (path for path in paths if len(path) > 1)
