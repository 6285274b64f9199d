# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Adding many objects in bulk from plain dicts, for adapters that read whole tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, repeat
from typing import Any, Protocol

from ..exceptions import ObjectAlreadyExists, ObjectNotFound, ObjectStoreWrongType
from ..model.child_ids import extend_uids
from ..model.columns import ColumnRows, unique_ids
from ..model.model import DSyncModel, set_owner
from ..model.owner import Owner
from .store import BaseStore, taken


class Filled(Owner, Protocol):
    """The part of a dataset's interface that is used here."""

    store: BaseStore

    def settle_children(self, obj: DSyncModel) -> None:
        """Replace the ids of an object's children with the spelling that the children have."""

    def get(self, obj: type[DSyncModel], identifier: str) -> DSyncModel:
        """Return an object. Raises ObjectNotFound."""

    def update(self, obj: DSyncModel) -> None:
        """Store an object, replacing any other object with its identity."""


BATCH = 10_000
"""Rows that are validated in one batch: enough for speed, and few enough to hold in memory in addition to the objects."""

Row = Mapping[str, Any]
"""One record: field name → value."""

Values = Callable[[str], Iterable[Any]]
"""Returns the value that a field has in each of some objects."""


def add_rows(
    dataset: Filled,
    model: type[DSyncModel],
    rows: Iterable[Row],
    parent: type[DSyncModel] | None,
    parent_ids: Mapping[str, str],
) -> int:
    """Add an object for each row, as :meth:`.dataset.Dataset.add_rows` describes."""
    family = None if parent is None else _Family(dataset, model, parent, parent_ids)
    count = 0
    for batch in _batches(rows):
        _add_batch(dataset, model, batch, family)
        count += len(batch)
    return count


def _batches(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """Yield rows in batches."""
    if isinstance(rows, ColumnRows):
        yield from (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
        return
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _add_batch(dataset: Filled, model: type[DSyncModel], rows: Sequence[Row], family: _Family | None) -> None:
    table: Any = dataset.store.columns(model, dataset)
    columns = None if table is None else table.validated(rows)
    if table is None or columns is None:
        _add_objects(dataset, model, rows, family)
        return
    values, obj = columns.values, partial(table.obj, columns)
    children = {} if family is None else family.children(rows, values.__getitem__, obj, columns.uids)
    place = dataset.store.add_columns(table, columns, None if family is None else family.parent, children)
    if place is not None:
        uid = columns.uids[place]
        raise taken(dataset.name, dataset.store.find(model.get_type(), uid) or obj(columns.uids.index(uid)), obj(place))
    if family is not None:
        listed = dataset.store.listing(family.parent, children)
        family.join({uid: uids for uid, uids in children.items() if uid not in listed} if listed else children)


def _add_objects(dataset: Filled, model: type[DSyncModel], rows: Sequence[Row], family: _Family | None) -> None:
    objs = model.from_rows(list(rows))
    if model._children:
        deque(map(dataset.settle_children, objs), maxlen=0)
    uids = model.unique_ids_of(objs)
    children: Mapping[str, list[str]] = {}
    if family is not None:
        children = family.children(rows, lambda name: (getattr(obj, name) for obj in objs), objs.__getitem__, uids)
    place = dataset.store.put_all_new(model.get_type(), uids, objs)
    if place is not None:
        existing = dataset.store.find(model.get_type(), uids[place]) or objs[uids.index(uids[place])]
        raise taken(dataset.name, existing, objs[place])
    deque(map(set_owner, objs, repeat(dataset)), maxlen=0)
    if family is not None:
        family.join(children)


class _Family:
    """How the objects of one model find their parents in one dataset.

    Attributes:
        parent: the model of the parents.
    """

    def __init__(self, dataset: Filled, model: type[DSyncModel], parent: type[DSyncModel], parent_ids: Mapping[str, str]) -> None:
        self._dataset, self._model, self._parent, self.parent = dataset, model, parent, parent.get_type()
        identifiers = parent._declaration.identifiers
        if set(parent_ids) != set(identifiers):
            raise ValueError(
                f"parent_ids must say which key of a row holds each identifier of {parent.get_type()} "
                f"({', '.join(identifiers)}), and names {', '.join(parent_ids) or 'none'}"
            )
        if model.get_type() not in parent.get_children_mapping():
            kinds = ", ".join(parent.get_children_mapping()) or "none"
            raise ObjectStoreWrongType(
                f"a {model.get_type()} cannot be the child of a {parent.get_type()}, whose children are of model {kinds}"
            )
        self._field = parent.get_children_mapping()[model.get_type()]
        self._keys = [parent_ids[name] for name in identifiers]

    def children(
        self, rows: Sequence[Row], values: Values, obj: Callable[[int], DSyncModel], uids: Sequence[str]
    ) -> dict[str, list[str]]:
        """Return parent's id → its children's ids, after checking that the parents exist.

        Args:
            rows: the children's rows.
            values: returns the value of a field in each child.
            obj: returns the child at a position.
            uids: the children's ids.
        """
        found: dict[str, list[str]] = {}
        for parent_uid, uid in zip(self._parent_uids(rows, values, obj), uids):
            if parent_uid in found:
                found[parent_uid].append(uid)
            else:
                found[parent_uid] = [uid]
        for parent_uid in self._dataset.store.missing(self.parent, found):
            raise ObjectNotFound(
                f'the parent of {self._model.get_type()} "{found[parent_uid][0]}" is not in {self._dataset.name}: '
                f'no {self.parent} "{parent_uid}"'
            )
        return found

    def _parent_uids(self, rows: Sequence[Row], values: Values, obj: Callable[[int], DSyncModel]) -> Iterator[str]:
        columns = [[*(values(key) if key in self._model.model_fields else self._column(key, rows, obj))] for key in self._keys]
        if self._parent.overrides("create_unique_id"):
            names = self._parent._declaration.identifiers
            return (self._parent.create_unique_id(**dict(zip(names, parts))) for parts in zip(*columns))
        return iter(unique_ids(self._parent, columns, as_given=True))

    def _column(self, key: str, rows: Sequence[Row], obj: Callable[[int], DSyncModel]) -> Iterator[Any]:
        for place, row in enumerate(rows):
            try:
                yield row[key]
            except KeyError:
                raise ObjectNotFound(
                    f"the row of {obj(place)!r} does not say which {self._parent.get_type()} it belongs to: it has no {key!r}"
                ) from None

    def join(self, children: Mapping[str, list[str]]) -> None:
        """Add the children to their parents' fields."""
        for parent_uid, uids in children.items():
            parent = self._dataset.get(self._parent, parent_uid)
            if not extend_uids(parent.__dict__, self._field, uids):
                raise ObjectAlreadyExists(f"{parent!r} lists one of its children of model {self._model.get_type()} twice", parent)
            self._dataset.update(parent)
