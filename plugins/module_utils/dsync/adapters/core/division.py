# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which records belong to a shard, so that objects are made of no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..._util.pydantic import ValidationError
from ...dataset.dataset import Dataset
from ...dataset.shard import Shard
from ...exceptions import RecordProblem
from ...model.columns import unique_ids
from ...records.columns import column_of
from ...records.mapping import ModelMap, Record
from ...records.path import MISSING
from .parents import Parents


class Part(NamedTuple):
    """Some records of a model.

    Attributes:
        records: those from which objects are made, in order.
        uids: the unique ids that the objects should have; None if these do not matter.
    """

    records: Sequence[Record]
    uids: list[str] | None = None


class Division:
    """Selects the records of a shard. Of a model whose objects have children, or are looked up by others, all records are needed.

    Args:
        dataset: the dataset that is loaded, parents before their children.
        shard: the part of it to load.
        parents: model → model of the parents of its objects.
        whole: the models of which all records are needed.
        empty_is_none: as for :meth:`...records.mapping.ModelMap.row`.

    Attributes:
        shard: the part.
        is_exact: whether no objects were loaded that do not belong to it.
    """

    def __init__(
        self, dataset: Dataset, shard: Shard, parents: Mapping[str, str], whole: Iterable[str], empty_is_none: bool
    ) -> None:
        self.shard, self.is_exact = shard, True
        self._dataset, self._parents, self._empty_is_none = dataset, parents, empty_is_none
        self._whole: set[str] = set()
        self._others: dict[str, frozenset[str]] = {}
        for model in whole:
            self.take_all(model)

    def take_all(self, model: str) -> None:
        """Let objects be made of all records of a model."""
        self._whole.add(model)
        self.is_exact = False

    def needs_all(self, mapped: ModelMap) -> bool:
        """Return whether all records of a model have to be read: because objects are made of all of them, or to find parents."""
        return mapped.name in self._whole or mapped.name in self._parents

    def part(self, mapped: ModelMap, records: Sequence[Record], parents: Parents | None) -> Part:
        """Return the records of a model that belong to the shard; all of them where that is not clear.

        Args:
            mapped: the model.
            records: all its records; not changed.
            parents: how its objects find their parents, which are loaded; None if they have none.
        """
        if mapped.name in self._whole:
            return Part(records)
        if parents is not None:
            others = self._not_mine(self._parents[mapped.name])
            return Part([record for record in records if not _is_below(others, record, parents)])
        uids = self._uids(mapped, records)
        if uids is None:
            self.is_exact = False
            return Part(records)
        places = self.shard.places(mapped.name, uids)
        return Part([records[at] for at in places], [uids[at] for at in places])

    def places(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[int]:
        """Return the positions of the records that belong to the shard; all of them where that is not clear.

        Args:
            mapped: a model of which not all records have to be read, and whose objects have no parents.
            records: some of its records, as they are read.
        """
        uids = self._uids(mapped, records)
        return range(len(records)) if uids is None else self.shard.places(mapped.name, uids)

    def fits(self, mapped: ModelMap, part: Part) -> bool:
        """Return whether the objects that were made of a part have the expected ids; if not, all records have to be loaded."""
        if part.uids is None or part.uids == [*self._dataset.store.uids(mapped.name)]:
            return True
        self.is_exact = False
        return False

    def _not_mine(self, model: str) -> frozenset[str]:
        """Return the unique ids of the loaded objects of a model that do not belong to the shard."""
        if model not in self._others:
            store, above = self._dataset.store, self._parents.get(model)
            if above is None:
                uids = list(store.uids(model))
                self._others[model] = frozenset(uids).difference(uids[at] for at in self.shard.places(model, uids))
            else:
                field = self._dataset.models()[above]._children[model]
                objs = store.objects_of(above, self._not_mine(above))
                self._others[model] = frozenset(uid for obj in objs for uid in getattr(obj, field))
        return self._others[model]

    def _uids(self, mapped: ModelMap, records: Sequence[Record]) -> list[str] | None:
        """Return the unique id of the object of each record; None if one of them does not say it."""
        fields = [mapped.fields[name] for name in mapped.model._identifiers]
        columns = [column for one in fields if (column := column_of(one, records)) is not None and one.default is MISSING]
        try:
            if any(None in column for column in columns):
                return None
            if len(columns) == len(fields) and not (self._empty_is_none and any("" in column for column in columns)):
                return unique_ids(mapped.model, columns, as_given=True)
            rows = ([one.value_of(record, empty_is_none=self._empty_is_none) for one in fields] for record in records)
            return [mapped.model.create_unique_id(**dict(zip(mapped.model._identifiers, row))) for row in rows]
        except (RecordProblem, ValidationError, TypeError, ValueError):  # loading the record reports what is wrong with it
            return None


def _is_below(others: frozenset[str], record: Record, parents: Parents) -> bool:
    try:
        return parents.id_of(record) in others
    except (RecordProblem, ValidationError, TypeError, ValueError):  # as above
        return False
