# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the adapters of documents share: records at a path in a tree of lists and dictionaries.

At the path of a model (``sites``, ``sites.*.devices``) there are lists, whose items are the records, or dictionaries, whose values
are, and then ``key`` is where the key appears in a record. An empty list, ``[]``, is the path of the root.

Changes are not made at once. They are written down as :class:`.edits.Edits`, whose places are those of the tree as it was read, and
are all made together at the end of a run; to take them back is to forget them.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap, Record, Values
from ...records.path import EVERY, MISSING, Path, path_of, read, text_of_path, write
from ...records.record_table import RecordTable
from ..core.base import ChangedRecord, MovedRecord, NewRecord, RecordAdapter
from .document import Document, Located, located, located_at, records_at
from .edits import Carried, Edits, Way, at, text_of_way

BATCH = 1000


class DocumentAdapter(RecordAdapter):
    """A dataset that is read from trees of lists and dictionaries. Subclasses say which there are, and keep the changes."""

    transactional = True
    batch_size = BATCH
    free_fields = True
    loads_parts = True

    def __init__(self) -> None:
        super().__init__()
        self._located: dict[str, dict[tuple[int, Way], Located]] = {}

    # ------------------------------------------------------------------ for subclasses to define

    def documents(self) -> Sequence[Document]:
        """Return the documents, read when this is called first. Raises RecordProblem."""
        raise NotImplementedError

    def new_document(self, mapped: ModelMap, key: str) -> Document:
        """Return a new document for a record that has one of its own. Raises RecordProblem."""
        raise NotImplementedError

    def text_of(self, document: Document) -> str:
        """Return the text that a document was read from; an empty string if there is no document. Raises RecordProblem."""
        return ""

    def each_alone(self) -> bool:
        """Return whether each record at a root has a document of its own."""
        return False

    def as_documents_have_them(self, mapped: ModelMap) -> bool:
        """Return whether :meth:`from_document` changes no record of a model."""
        return False

    def from_document(self, mapped: ModelMap, record: Located) -> None:
        """Change a record, as it is in a document, into what is read."""

    def to_document(self, mapped: ModelMap, values: Values, document: Document) -> Values:
        """Return values as they are in a document. Raises RecordProblem."""
        return values

    # ------------------------------------------------------------------ where records are

    def place_of(self, mapped: ModelMap) -> Path:
        """Return the path of a model's records; that of the root is empty. Raises DefinitionError."""
        if mapped.place.value is not None:
            return path_of(mapped.place)
        alone = self.data_model.top_level if self.each_alone() else tuple(self.data_model.models)
        return () if alone == (mapped.name,) else (mapped.name,)

    def check_place(self, mapped: ModelMap) -> None:
        """Raise DefinitionError where a document that is a list of records, and nothing else, is to have something at a name."""
        place = self.place_of(mapped)
        others = [document for document in self.documents() if not self.only_lists(document, place)] if place else []
        for document in self.documents() if place else ():
            if self.only_lists(document, place) and not (others and document.part is not None):
                mapped.place.wrong(
                    f'nothing is at "{text_of_path(place)}" in {document.name}, which is a list of records; write [], and select '
                    'the records of each model with "where".'
                )

    def only_lists(self, document: Document, place: Path) -> bool:
        """Return whether a document is a list, and can have nothing at a place that is not its root."""
        return isinstance(document.tree, (list, tuple)) and bool(document.tree) and isinstance(place[0], str) and place[0] != EVERY

    def _at_root(self, mapped: ModelMap) -> bool:
        """Return whether each record of a model is a whole document."""
        return self.each_alone() and self.place_of(mapped) == ()

    def knows_parents(self, mapped: ModelMap) -> bool:
        if mapped.name not in self.data_model.parents:
            return False
        parent = self._parent_map(mapped)
        mine, theirs = self.place_of(mapped), self.place_of(parent)
        if self._at_root(parent):
            return mine != ()
        return mine[: len(theirs) + 1] == (*theirs, EVERY)

    def parent_of(self, mapped: ModelMap, record: Record) -> Record | None:
        parent = self._parent_map(mapped)
        if not isinstance(record, Located):
            return None
        depth = 0 if self._at_root(parent) and record.document.single else len(self.place_of(parent)) + 1
        return self._located.get(parent.name, {}).get((id(record.document), record.way[:depth]))

    def describe(self, mapped: ModelMap, record: Record) -> str:
        if not isinstance(record, Located):
            return self.name
        way = text_of_way(record.way)
        return f"{record.document.name}, {way}" if way else record.document.name

    def hint(self, mapped: ModelMap, record: Record) -> str:
        if mapped.key is not None or not isinstance(record, Located) or not record.keyed:
            return ""
        sources = [mapped.fields[name].source for name in mapped.model._identifiers if name in mapped.fields]
        lacking = [text_of_path(source) for source in sources if source is not None and read(record, source) is MISSING]
        return f'; if its key is the {lacking[0]}, add "key: {lacking[0]}" to mapping.{mapped.name}' if len(lacking) == 1 else ""

    # ------------------------------------------------------------------ reading

    def read(self, mapped: ModelMap) -> Iterator[Record]:
        place = self.place_of(mapped)
        parents = bool(mapped.model.get_children_mapping())
        kept = self._located[mapped.name] = {}
        unchanged = self.as_documents_have_them(mapped)
        self._check_way(mapped, place)
        for document in self.documents():
            for record, key in located_at(document, place, self._places_of_shard(mapped) if unchanged else None):
                if mapped.key is not None and key is not None:
                    write(record, mapped.key, key)
                if not unchanged:
                    self.from_document(mapped, record)
                if parents:
                    kept[id(document), record.way] = record
                yield record

    def _places_of_shard(self, mapped: ModelMap) -> Callable[[Sequence[Record]], Sequence[int]] | None:
        """Return the function that selects the records of the shard that is loaded; None where others may be needed."""
        division = self._division
        selective = mapped.where or mapped.keep or mapped.drop
        if division is None or selective or mapped.key is not None or division.needs_all(mapped):
            return None
        return partial(division.places, mapped)

    def read_columns(self, mapped: ModelMap) -> RecordTable | None:
        documents = self.documents()
        table = documents[0].table if len(documents) == 1 and not self.place_of(mapped) else None
        if table is None or mapped.model.get_children_mapping() or not self.as_documents_have_them(mapped):
            return None
        return documents[0].table_of_records(table)

    def probe(self) -> bool:
        self.check_fields()
        for mapped in self._maps.values():
            self.check_place(mapped)
            self._check_way(mapped, self.place_of(mapped))
        return True

    def _check_way(self, mapped: ModelMap, place: Path) -> None:
        """Raise DefinitionError where there is nothing at a model's place, and something at one that is called nearly the same."""
        taken = {self.place_of(other) for other in self._maps.values()}
        slips = [_slip(document.tree, place) for document in self.documents()] if place else []
        for slip in slips if all(slips) else ():
            if slip is not None and slip.meant not in taken:
                mapped.place.wrong(f'there is no "{slip.name}" in {self.name}{known(slip.name, slip.there)}.')

    def read_table(self, place: Declared) -> Iterator[Record]:
        found = False
        for document in self.documents():
            for _way, _key, values in records_at(document, path_of(place)):
                found = True
                yield values
        if not found:
            place.wrong(f"there is no record at {place.shown()} in {self.name}.")

    # ------------------------------------------------------------------ writing

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        return [_attempted(self._create, mapped, record) for record in records]

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        return [_attempted(self._change, mapped, record) for record in records]

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        return [_attempted(self._move if self._leaves(mapped, record) else self._change, mapped, record) for record in records]

    def can_move(self, model: str) -> bool:
        return True

    def can_rename(self, model: str) -> bool:
        return True

    def _leaves(self, mapped: ModelMap, moved: MovedRecord) -> bool:
        """Return whether a record does not stay where it is: it gets another key, or is below another record."""
        record = _located(moved.record)
        if record.keyed and mapped.key in moved.values:
            return True
        if not self.knows_parents(mapped):
            return False
        document, container = self._container_for(mapped, moved.parent)
        return document is not record.document or container != record.way[:-1]

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        return [_attempted(self._remove, mapped, record) for record in records]

    def changed_documents(self) -> list[Document]:
        """Return the documents in which something is to be changed."""
        for document in self.documents():
            document.edits.hand_over()
        return [document for document in self.documents() if document.edits]

    def roll_back(self) -> None:
        for document in self.documents():
            document.edits = Edits()

    def _create(self, mapped: ModelMap, new: NewRecord) -> Record:
        key = new.values.get(mapped.key) if mapped.key is not None else None
        document, way, keyed = self._place_for(mapped, key, new.parent)
        values = {path: value for path, value in new.values.items() if not keyed or path != mapped.key}
        record = _nested(self.to_document(mapped, values, document))
        edits = document.edits
        if not way or (way in edits.removed and way not in edits.added):
            edits.changed[way] = {(): record}
        else:
            edits.added[way] = (record, keyed)
        edits.removed.discard(way)
        made = located(copy.deepcopy(record), document, way, keyed)
        if keyed and mapped.key is not None:
            write(made, mapped.key, key)
        self.from_document(mapped, made)
        return made

    def _place_for(self, mapped: ModelMap, key: Any, parent: Record | None) -> tuple[Document, Way, bool]:
        """Return where a new record goes, and whether as the value of a dictionary. Raises RecordProblem."""
        if self._at_root(mapped):
            return self.new_document(mapped, _text_key(mapped, key)), (), True
        document, container = self._container_for(mapped, parent)
        edits = document.edits
        holder = at(document.tree, container)
        if isinstance(holder, (list, tuple)) or (mapped.key is None and not isinstance(holder, Mapping)):
            return document, (*container, edits.next_position(document.tree, container)), False
        key = _text_key(mapped, key)
        way = (*container, key)
        there = way in edits.added or (isinstance(holder, Mapping) and key in holder)
        if (there and way not in edits.removed) or way in edits.carried:
            raise RecordProblem(f"there is something at {text_of_way(way)} in {document.name} already")
        return document, way, True

    def _container_for(self, mapped: ModelMap, parent: Record | None) -> tuple[Document, Way]:
        place = self.place_of(mapped)
        if isinstance(parent, Located) and self.knows_parents(mapped):
            above = self.place_of(self._parent_map(mapped))
            return parent.document, (*parent.way, *(place if not parent.way else place[len(above) + 1 :]))
        documents = self.documents()
        parts = [document for document in documents if document.part is not None]
        if parts and len(parts) == len(documents):
            documents = [document for document in parts if at(document.tree, place) not in (MISSING, None)]
        if len(documents) == 1 and EVERY not in place:
            return documents[0], place
        why = f"there are {len(documents)} files"
        if parts:
            why = f'{len(documents)} documents of {self.name} have something at its place; choose one with "document"'
        if EVERY in place:
            why = f'its place "{text_of_path(place)}" has a * that no parent represents'
        raise RecordProblem(f"the place of a new {mapped.name} is unknown: {why}")

    def _change(self, mapped: ModelMap, changed: ChangedRecord | MovedRecord) -> Record:
        record = _located(changed.record)
        if record.keyed and mapped.key in changed.values:
            raise RecordProblem("the key of a record cannot be changed")
        document, way = record.document, record.way
        values = self.to_document(mapped, changed.values, document)
        after = located(copy.deepcopy(dict(record)), document, way, record.keyed)
        for path, value in values.items():
            _write(after, path, value)
        new = document.edits.added.get(way, (None,))[0]
        if isinstance(new, dict):
            for path, value in values.items():
                _write(new, path, copy.deepcopy(value))
        else:
            document.edits.changed.setdefault(way, {}).update(values)
        self.from_document(mapped, after)
        return after

    def _move(self, mapped: ModelMap, moved: MovedRecord) -> Record:
        """Carry a record, as it is in its document, to where a new record below its new parent, or by its new key, would go."""
        record = _located(moved.record)
        key = None if mapped.key is None else moved.values.get(mapped.key, read(record, mapped.key))
        document, way, keyed = self._place_for(mapped, key, moved.parent)
        values = {path: value for path, value in moved.values.items() if path != mapped.key}
        if mapped.key is not None and not keyed and (record.keyed or mapped.key in moved.values):
            values[mapped.key] = key
        values = self.to_document(mapped, values, document)
        after = located(copy.deepcopy(dict(record)), record.document, record.way, keyed)
        for path, value in values.items():
            _write(after, path, value)
        source = record.document
        carried = Carried(at(source.tree, record.way), partial(self.text_of, source), record.way)
        if carried.tree is MISSING or record.way in source.edits.carried:
            raise RecordProblem("it was created or moved just now, and can be moved by the next run")
        if values:
            source.edits.changed.setdefault(record.way, {}).update(values)
        source.edits.removed.add(record.way)
        source.edits.carried[record.way] = carried
        document.edits.added[way] = (carried, keyed)
        self.from_document(mapped, after)
        return after

    def _remove(self, mapped: ModelMap, gone: Record) -> None:
        record = _located(gone)
        record.document.edits.removed.add(record.way)


class _Slip(NamedTuple):
    """A name on the way to a place that is not there: what there is in its stead, and the place that was perhaps meant."""

    name: str
    there: list[str]
    meant: Path


def _slip(tree: Any, place: Path) -> _Slip | None:
    """Return where a place is not that of anything in a tree, though something is called nearly the same; None otherwise."""
    for depth, name in enumerate(place):
        if not isinstance(tree, Mapping) or name == EVERY:
            return None
        if name not in tree:
            there = [key for key, value in tree.items() if isinstance(key, str) and isinstance(value, (Mapping, list, tuple))]
            near = difflib.get_close_matches(name, there, n=1, cutoff=_NEARLY)
            return _Slip(name, there, (*place[:depth], near[0], *place[depth + 1 :])) if near else None
        tree = tree[name]
    return None


_NEARLY = 0.85
"""How similar two names are of which one is a typing error: like device and devices, unlike device and device_type."""


def _attempted(action: Any, mapped: ModelMap, record: Any) -> Any:
    """Return what an action on a record returns, or what it raises."""
    try:
        return action(mapped, record)
    except RecordProblem as problem:
        return problem


def _located(record: Record) -> Located:
    if not isinstance(record, Located):
        raise RecordProblem("the record was not read here")
    return record


def _write(record: MutableMapping[str, Any], path: Path, value: Any) -> None:
    try:
        write(record, path, value)
    except TypeError as error:
        raise RecordProblem(str(error)) from None


def _nested(values: Values) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for path, value in values.items():
        _write(record, path, value)
    return record


def _text_key(mapped: ModelMap, key: Any) -> Any:
    """Return the key under which a new record goes. Raises RecordProblem if there is no key."""
    if mapped.key is None:
        where = mapped.place.place.removesuffix(".from")
        raise RecordProblem(f'a new {mapped.name} needs a key, and {where} does not say which field holds it; add "key"')
    if key is None or key == "":
        raise RecordProblem(f'a new {mapped.name} needs a key, and there is no value for "{text_of_path(mapped.key)}"')
    return key
