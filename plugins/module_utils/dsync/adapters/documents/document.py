# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the adapters of documents share: records that stand at a path in a tree of lists and dictionaries.

At the path of a model (``sites``, ``sites.*.devices``) there are lists, whose items are the records, or dictionaries, whose values
are, and then ``key`` says where the key appears in a record. An empty list, ``[]``, is the path of the root.

Changes are not made at once. They are written down as :class:`Edits`, whose places are those of the tree as it was read, and are
all made together at the end of a run; to take them back is to forget them.
"""

from __future__ import annotations

import copy
import difflib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any, NamedTuple

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...model.values import same_value
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap, Record, Values
from ...records.path import EVERY, MISSING, Path, path_of, read, text_of_path, walk, write
from ..core.base import ChangedRecord, NewRecord, RecordAdapter

Way = tuple[Any, ...]
"""The keys and positions on the way from the root of a tree to what is meant."""

BATCH = 1000


def text_of_way(way: Way) -> str:
    """Return a way as it is written, such as ``sites[2].devices[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).removeprefix(".")


def at(tree: Any, way: Way) -> Any:
    """Return what is at the end of a way, or MISSING."""
    for step in way:
        if isinstance(step, str) and not isinstance(tree, Mapping):
            tree = read(tree, (step,))
        else:
            try:
                tree = tree[step]
            except (KeyError, IndexError, TypeError):
                return MISSING
        if tree is MISSING:
            return MISSING
    return tree


def same_tree(left: Any, right: Any) -> bool:
    """Return whether two trees are the same, in the types of their values as well."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_tree(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_tree, left, right))
    return type(left) is type(right) and same_value(left, right)


class Edits:
    """Changes to a tree that are still to be made. All ways are those of the tree before them; what is added to a list is numbered
    on from its last item.

    Attributes:
        changed: way of a record → path in it → new value; the path of nothing stands for the whole record.
        added: way of a new record → the record, and whether it is the value of a dictionary.
        removed: ways of records.
    """

    def __init__(self) -> None:
        self.changed: dict[Way, Values] = {}
        self.added: dict[Way, tuple[dict[str, Any], bool]] = {}
        self.removed: set[Way] = set()
        self._sizes: dict[Way, int] = {}

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed)

    def next_position(self, tree: Any, container: Way) -> int:
        """Return the number of the next record that is added to a list, of which there may be nothing yet."""
        if container not in self._sizes:
            there = at(tree, container)
            self._sizes[container] = len(there) if isinstance(there, Sequence) and not isinstance(there, str) else 0
        self._sizes[container] += 1
        return self._sizes[container] - 1

    def made_in(self, tree: Any, none_is_absent: bool = False) -> Any:
        """Make the changes and return the tree, which may be another object if it was empty.

        Args:
            tree: changed.
            none_is_absent: whether the tree cannot hold nothing, so that a field without a value is left out.
        """
        for way, values in self.changed.items():
            tree = _changed(tree, way, values, none_is_absent)
        for way, (record, keyed) in self.added.items():
            tree = _added(tree, way, _filled(record) if none_is_absent else copy.deepcopy(record), keyed)
        for container, steps in self._removed_of().items():
            holder = at(tree, container)
            for step in sorted(steps, reverse=True) if isinstance(holder, MutableSequence) else steps:
                del holder[step]
        return tree

    def _removed_of(self) -> dict[Way, list[Any]]:
        """Return way of a list or dictionary → what is removed from it, the innermost first."""
        found: dict[Way, list[Any]] = {}
        for way in sorted(self.removed, key=len, reverse=True):
            if way:
                found.setdefault(way[:-1], []).append(way[-1])
        return found

    def shifts(self, tree: Any) -> Shifts:
        """Return how ways change when the changes are made in a tree, which is as it was before."""
        keyed = {way[:-1] for way, (_record, is_value) in self.added.items() if is_value}
        removed = self._removed_of().items()
        return Shifts({way: steps for way, steps in removed if way not in keyed and not isinstance(at(tree, way), Mapping)})


class Shifts:
    """From the ways before some changes to those after them."""

    def __init__(self, removed: Mapping[Way, Iterable[Any]]) -> None:
        self._removed = {way: sorted(step for step in steps if isinstance(step, int)) for way, steps in removed.items()}

    def __call__(self, way: Way) -> Way:
        """Return the way after the changes of what was, or was added, at ``way``."""
        if not self._removed:
            return way
        return tuple(
            step - bisect_left(self._removed.get(way[:place], ()), step) if isinstance(step, int) else step
            for place, step in enumerate(way)
        )


def _filled(value: Any) -> Any:
    """Return a value without what is nothing in dictionaries."""
    if isinstance(value, Mapping):
        return {key: _filled(item) for key, item in value.items() if item is not None}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _changed(tree: Any, way: Way, values: Values, none_is_absent: bool) -> Any:
    if () in values or at(tree, way) is None:
        whole = copy.deepcopy(values.get((), {}))
        for path, value in values.items():
            if path:
                write(whole, path, value)
        return _added(tree, way, _filled(whole) if none_is_absent else whole, True)
    for path, value in values.items():
        if value is None and none_is_absent:
            holder = read(at(tree, way), path[:-1])
            if isinstance(holder, MutableMapping):
                holder.pop(path[-1], None)
        else:
            write(at(tree, way), path, _filled(value) if none_is_absent else copy.deepcopy(value))
    return tree


def _added(tree: Any, way: Way, record: Any, keyed: bool) -> Any:
    if not way:
        return record
    *above, last = way
    holder = at(tree, tuple(above))
    if holder is MISSING or holder is None:
        made: Any = {last: record} if keyed or isinstance(last, str) else [record]
        return _added(tree, tuple(above), made, True)
    if isinstance(holder, MutableSequence) and last == len(holder):
        holder.append(record)
    else:
        holder[last] = record
    return tree


class Document:
    """A tree that holds records, and the changes that are to be made in it.

    Attributes:
        tree: as it was read; never changed.
        name: what it is called in messages.
        edits: what is to be changed.
        single: whether its root, if it is a dictionary, is one record.
        stem: its name as a record's key; empty where it has none.
    """

    def __init__(self, tree: Any, name: str, single: bool = False, stem: str = "") -> None:
        self.tree, self.name, self.single, self.stem = tree, name, single, stem
        self.edits = Edits()
        self.located: list[Located] = []

    def settled(self, tree: Any) -> None:
        """Take note that the changes were made, and what the tree is now."""
        shift = self.edits.shifts(self.tree)
        for record in self.located:
            record.way = shift(record.way)
        self.tree, self.edits = tree, Edits()


class Located(dict[str, Any]):
    """A native record that knows where it is.

    Attributes:
        document: what it is in.
        way: where it is there.
        keyed: whether it is found by a key, which is none of its fields in the document.
    """

    __slots__ = ("document", "keyed", "way")

    def __init__(self, values: Mapping[str, Any], document: Document, way: Way, keyed: bool) -> None:
        super().__init__(values)
        self.document, self.way, self.keyed = document, way, keyed
        document.located.append(self)


class DocumentAdapter(RecordAdapter):
    """A dataset that is read from trees of lists and dictionaries. Subclasses say which there are, and keep the changes."""

    transactional = True
    batch_size = BATCH
    free_fields = True

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

    def each_alone(self) -> bool:
        """Return whether each record at a root has a document of its own."""
        return False

    def from_document(self, mapped: ModelMap, record: Located) -> None:
        """Change a record, as it stands in a document, into what is read."""

    def to_document(self, mapped: ModelMap, values: Values) -> Values:
        """Return values as they stand in a document. Raises RecordProblem."""
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
        for document in self.documents() if place else ():
            if self.only_lists(document, place):
                mapped.place.wrong(
                    f'nothing is at "{text_of_path(place)}" in {document.name}, which is a list of records; write [], and tell the '
                    'records of several models apart with "where".'
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

    # ------------------------------------------------------------------ reading

    def read(self, mapped: ModelMap) -> Iterator[Record]:
        place = self.place_of(mapped)
        parents = bool(mapped.model.get_children_mapping())
        kept = self._located[mapped.name] = {}
        self._check_way(mapped, place)
        for document in self.documents():
            for way, key, values in records_at(document, place):
                record = Located(values, document, way, key is not None)
                if mapped.key is not None and key is not None:
                    write(record, mapped.key, key)
                self.from_document(mapped, record)
                if parents:
                    kept[id(document), way] = record
                yield record

    def _check_way(self, mapped: ModelMap, place: Path) -> None:
        """Raise DefinitionError where there is nothing at a model's place, and something at one that is called nearly the same."""
        taken = {self.place_of(other) for other in self._maps.values()}
        slips = [_slip(document.tree, place) for document in self.documents()]
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

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        return [_attempted(self._remove, mapped, record) for record in records]

    def roll_back(self) -> None:
        for document in self.documents():
            document.edits = Edits()

    def _create(self, mapped: ModelMap, new: NewRecord) -> Record:
        key = new.values.get(mapped.key) if mapped.key is not None else None
        document, way, keyed = self._place_for(mapped, key, new.parent)
        values = {path: value for path, value in new.values.items() if not keyed or path != mapped.key}
        record = _nested(self.to_document(mapped, values))
        edits = document.edits
        if not way or (way in edits.removed and way not in edits.added):
            edits.changed[way] = {(): record}
        else:
            edits.added[way] = (record, keyed)
        edits.removed.discard(way)
        made = Located(copy.deepcopy(record), document, way, keyed)
        if keyed and mapped.key is not None:
            write(made, mapped.key, key)
        self.from_document(mapped, made)
        return made

    def _place_for(self, mapped: ModelMap, key: Any, parent: Record | None) -> tuple[Document, Way, bool]:
        """Return where a new record goes, and whether as the value of a dictionary. Raises RecordProblem."""
        if self._at_root(mapped):
            return self.new_document(mapped, _text_key(mapped, key)), (), True
        document, container = self._container_for(mapped, parent)
        holder = at(document.tree, container)
        if isinstance(holder, (list, tuple)) or (mapped.key is None and not isinstance(holder, Mapping)):
            return document, (*container, document.edits.next_position(document.tree, container)), False
        key = _text_key(mapped, key)
        way = (*container, key)
        there = way in document.edits.added or (isinstance(holder, Mapping) and key in holder)
        if there and way not in document.edits.removed:
            raise RecordProblem(f"there is something at {text_of_way(way)} in {document.name} already")
        return document, way, True

    def _container_for(self, mapped: ModelMap, parent: Record | None) -> tuple[Document, Way]:
        place = self.place_of(mapped)
        if isinstance(parent, Located) and self.knows_parents(mapped):
            above = self.place_of(self._parent_map(mapped))
            return parent.document, (*parent.way, *(place if not parent.way else place[len(above) + 1 :]))
        documents = self.documents()
        if len(documents) == 1 and EVERY not in place:
            return documents[0], place
        why = f"there are {len(documents)} files"
        if EVERY in place:
            why = f'its place "{text_of_path(place)}" has a * that no parent stands for'
        raise RecordProblem(f"it is not known where a new {mapped.name} goes: {why}")

    def _change(self, mapped: ModelMap, changed: ChangedRecord) -> Record:
        record = _located(changed.record)
        if record.keyed and mapped.key in changed.values:
            raise RecordProblem("the key under which a record stands cannot be changed")
        document, way = record.document, record.way
        values = self.to_document(mapped, changed.values)
        after = Located(copy.deepcopy(dict(record)), document, way, record.keyed)
        for path, value in values.items():
            _write(after, path, value)
        if way in document.edits.added:
            for path, value in values.items():
                _write(document.edits.added[way][0], path, copy.deepcopy(value))
        else:
            document.edits.changed.setdefault(way, {}).update(values)
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
"""How alike two names are of which one is a slip: as device and devices, unlike device and device_type."""


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
    """Return the key under which a new record goes. Raises RecordProblem where there is none."""
    if mapped.key is None:
        where = mapped.place.place.removesuffix(".from")
        raise RecordProblem(f'a new {mapped.name} needs a key, and {where} does not say which field holds it; add "key"')
    if key is None or key == "":
        raise RecordProblem(f'a new {mapped.name} needs a key, and there is no value for "{text_of_path(mapped.key)}"')
    return key


def records_at(document: Document, place: Path) -> Iterator[tuple[Way, Any, Mapping[str, Any]]]:
    """Yield the records at a place with the ways to them and their keys (None in lists). Raises RecordProblem."""
    for way, found in walk(document.tree, place):
        if found is None:
            continue
        if document.single and not way and isinstance(found, Mapping):
            yield way, document.stem, found
        elif isinstance(found, Mapping):
            for key, item in found.items():
                yield (*way, key), key, _record({} if item is None else item, document, (*way, key))
        elif isinstance(found, (list, tuple)):
            for position, item in enumerate(found):
                yield (*way, position), None, _record(item, document, (*way, position))
        else:
            raise RecordProblem(f"{_where(document, way)} is neither a list nor a dictionary of records")


def _record(item: Any, document: Document, way: Way) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        kind = "a list" if isinstance(item, (list, tuple)) else "a single value"
        raise RecordProblem(
            f'{_where(document, way)} should be a record, a dictionary, and is {kind}; say with "from" where the records are'
        )
    return item


def _where(document: Document, way: Way) -> str:
    return f"{document.name}, {text_of_way(way)}" if way else f"{document.name}: the root"
