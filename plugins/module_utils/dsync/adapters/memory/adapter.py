# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``memory``: records that are given in the task itself; the task's result returns them as they are after it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any

from ..._util.pydantic import AfterValidator, Field
from ..._util.redaction import MASK
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap
from ...records.path import MISSING, Path, read, write
from ..core.options import Kind, Options
from ..documents.adapter import DocumentAdapter
from ..documents.document import Document, records_at, settle


def _records(value: Any) -> Any:
    if value is not None and not isinstance(value, (Mapping, list, tuple)):
        raise ValueError(f"this should be a list of records, or a dictionary of such lists, and is {Declared(value, '').shown()}.")
    return value


class MemoryOptions(Options):
    """Options of the adapter ``memory``."""

    records: Annotated[Any, AfterValidator(_records), Kind("a list or a dictionary")] = Field(
        None,
        description="A list of records, or a dictionary of model name, or of what `from` names, to such a list. Without it, "
        "there are no records.",
    )


class MemoryAdapter(DocumentAdapter):
    """Records that are given as data.

    Args:
        options: those of :class:`MemoryOptions`. The records are not changed; :meth:`result_records` returns what became of them.

    Raises:
        DefinitionError: an option is wrong.
    """

    type = "memory"
    kept_types = (datetime, date, time)
    Options = MemoryOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        given = self.Options.read(options, self.type)
        self._document = Document(copy.deepcopy(given.records), "records")

    def documents(self) -> Sequence[Document]:
        return (self._document,)

    def place_of(self, mapped: ModelMap) -> Path:
        alone = mapped.place.value is None and len(self.data_model.models) == 1
        if alone and isinstance(self._document.tree, Mapping) and mapped.name in self._document.tree:
            return (mapped.name,)
        return super().place_of(mapped)

    def sync_complete(self, source: Any, diff: Any, flags: Any = None, logger: Any = None) -> None:
        """Make the changes. Nothing is kept when it raises."""
        settle(self.documents(), [(one, one.edits.made_in(copy.deepcopy(one.tree))) for one in self.changed_documents()])

    def result_records(self, reveal: bool = False) -> Any:
        """Return the records as they are now, in the structure in which they were given.

        Args:
            reveal: whether to show sensitive attributes; else each native field that holds one is masked.
        """
        shown = Document(copy.deepcopy(self._document.tree), self._document.name)
        for mapped in () if reveal else self._maps.values():
            self._mask(mapped, shown)
        return shown.tree

    def _mask(self, mapped: ModelMap, shown: Document) -> None:
        hidden = [path for name in mapped.model.get_sensitive_fields() for path in _native_fields(mapped, name)]
        for _way, _key, record in records_at(shown, self.place_of(mapped)) if hidden else ():
            for path in hidden:
                if isinstance(record, MutableMapping) and read(record, path) not in (MISSING, None):
                    write(record, path, MASK)


def _native_fields(mapped: ModelMap, name: str) -> Iterator[Path]:
    """Yield the native fields that hold an attribute."""
    declared = mapped.fields[name]
    if declared.source is not None:
        yield declared.source
    yield from declared.write or ()
