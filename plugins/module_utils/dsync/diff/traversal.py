# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The traversal of one dataset in a comparison: its objects in the order of the tree, each once, and checks of consistency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..dataset.dataset import Dataset
from ..exceptions import ModelMismatch, ObjectAlreadyExists, ObjectNotFound
from ..model.model import DSyncModel

if TYPE_CHECKING:
    from ..dataset.store import BaseStore

_EXAMPLES = 3
"""Maximum number of objects that a warning names."""

_LOOK_AHEAD = 500
"""Maximum number of objects to skip while reading in order, before objects are looked up instead."""

_LOOK_BACK = 1000
"""Maximum number of skipped objects among which to look for some that come later than in the order of the store."""


class Scan:
    """The objects of one model, in the order in which a comparison visits them.

    As long as this is approximately the order of the store, as for a tree that was loaded from top to bottom, they are read in
    order instead of being looked up. The hashes of the ids that were skipped, and of those that were looked up, are added up:
    the difference shows in the end whether each object was visited once.

    Attributes:
        along: all ids and objects in the order of the store; None if they are looked up.
        count: number of objects; if more were visited, one was visited twice.
        met: number of objects that were visited.
    """

    def __init__(self, store: BaseStore, model: str) -> None:
        self._store, self._model = store, model
        self.along = store.scan(model)
        self._at = 0
        self._owed = 0
        self.count = store.count(model)
        self.met = 0

    def take(self, uids: Sequence[str]) -> Sequence[DSyncModel]:
        """Return the objects with these ids, and mark them as visited.

        Raises:
            ObjectNotFound: one of them does not exist.
        """
        number = len(uids)
        if self.along is not None:
            ids, objs = self.along
            start = self._at
            if ids is uids and not start:
                self._at = start + number
                self.met += number
                return objs
            if ids[start : start + number] == uids:
                self._at = start + number
                self.met += number
                return objs[start : start + number]
            start = self.place(uids)
            if start >= 0:
                self.visit(start, uids)
                return objs[start : start + number]
        found = self._store.objects_of(self._model, uids)
        self.met += number
        self._owed -= sum(map(hash, uids))
        return found

    def place(self, uids: Sequence[str]) -> int:
        """Return the position from which on these ids, at least one, are in the order of the store; -1 to look them up."""
        if self.along is None:
            return -1
        ids, start = self.along[0], self._at
        if ids[start : start + len(uids)] == uids:
            return start
        place = _place(ids, uids, start, start + _LOOK_AHEAD)
        return place if place >= 0 else _place(ids, uids, max(0, start - _LOOK_BACK), start)

    def visit(self, start: int, uids: Sequence[str]) -> None:
        """Mark the objects with these ids, which are at this position, as visited."""
        self.met += len(uids)
        if start < self._at:
            self._owed -= sum(map(hash, uids))
            return
        if start > self._at and self.along is not None:
            self._owed += sum(map(hash, self.along[0][self._at : start]))
        self._at = start + len(uids)

    def met_each_once(self) -> bool:
        """Return whether every object of the model was visited exactly once."""
        if self.met != self.count:
            return False
        rest = self._store.uids(self._model) if self.along is None else self.along[0][self._at :]
        return self._owed + sum(map(hash, rest)) == 0


def _place(ids: list[str], uids: Sequence[str], start: int, end: int) -> int:
    """Return the position of the contiguous ``uids``, which begin between two positions of ``ids``; -1 if there is none."""
    try:
        place = ids.index(uids[0], start, end)
    except ValueError:
        return -1
    return place if ids[place : place + len(uids)] == uids else -1


class Side:
    """One dataset of a comparison, and the number of its objects that were visited so far."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.scans: dict[str, Scan] = {}
        self.inner = {kind for cls in _classes(dataset) for kind in cls._children}

    def top(self, model: str) -> tuple[Sequence[str], Sequence[DSyncModel]]:
        """Return ids and objects of a top-level model; for a model that is nested as well, those that have no parent."""
        along = self.scan(model).along
        uids = self.dataset.store.uids(model) if along is None else along[0]
        if model in self.inner:
            nested = self.child_ids(model)
            uids = [uid for uid in uids if uid not in nested]
        return uids, self.scan(model).take(uids)

    def children(self, parent: DSyncModel, model: str, uids: Sequence[str]) -> tuple[Sequence[str], Sequence[DSyncModel]]:
        """Return ids and objects of an object's children of one model, given their ids, and mark them as visited."""
        if not uids:
            return (), ()
        scan = self.scans.get(model) or self.scan(model)
        try:
            objs = scan.take(uids)
        except ObjectNotFound as error:
            raise ObjectNotFound(
                f'in {self.dataset.name}, {parent!r} has the child {model} "{error.args[1]}", which was never added'
            ) from None
        if scan.met > scan.count:
            self._check_parents()
        return uids, objs

    def scan(self, model: str) -> Scan:
        """Return the objects of a model."""
        if model not in self.scans:
            self.scans[model] = Scan(self.dataset.store, model)
        return self.scans[model]

    def visit(self, model: str, start: int, uids: Sequence[str]) -> None:
        """Mark objects, which are at this position in the order of their store, as visited."""
        scan = self.scans[model]
        scan.visit(start, uids)
        if scan.met > scan.count:
            self._check_parents()

    def met(self, model: str | None = None) -> int:
        """Return the number of objects that were visited, of one model or of all."""
        return sum(scan.met for name, scan in self.scans.items() if model in (None, name))

    def parents_of(self, model: str) -> Iterator[tuple[DSyncModel, str]]:
        """Yield every (parent, id of its child) for the children of one model."""
        classes = _classes(self.dataset)
        for parents, field in {(cls._modelname, cls._children[model]) for cls in classes if model in cls._children}:
            for parent in self.dataset.store.objects(parents):
                if parent.get_children_mapping().get(model) == field:
                    for uid in getattr(parent, field) or ():
                        yield parent, uid

    def child_ids(self, model: str) -> set[str]:
        """Return the ids of all objects of a model that are children of another object."""
        return {uid for _parent, uid in self.parents_of(model)}

    def check(self) -> None:
        """Raise ObjectAlreadyExists or ModelMismatch unless every object has at most one parent and is not its own ancestor.

        Call it after all reachable objects were visited."""
        for model in self.dataset.store.model_names():
            if model not in self.scans or not self.scans[model].met_each_once():
                self._check_parents()
                return

    def _check_parents(self) -> None:
        parents: dict[tuple[str, str], DSyncModel] = {}
        for model in self.inner:
            for parent, uid in self.parents_of(model):
                if (model, uid) in parents:
                    other = parents[model, uid]
                    raise ObjectAlreadyExists(
                        f'in {self.dataset.name}, {model} "{uid}" is a child of both {other!r} and {parent!r}', other, parent
                    )
                parents[model, uid] = parent
        _check_circles(self.dataset.name, parents)

    def orphans(self) -> Iterator[str]:
        """Yield a sentence for each model with objects that were never visited."""
        for model in self.dataset.store.model_names():
            if self.met(model) >= self.dataset.store.count(model):
                continue
            nested = self.child_ids(model)
            lost = [uid for uid in self.dataset.store.uids(model) if uid not in nested]
            if lost and model not in self.dataset.top_level:
                names = ", ".join(f'"{uid}"' for uid in lost[:_EXAMPLES]) + (", …" if len(lost) > _EXAMPLES else "")
                yield (
                    f"{self.dataset.name}: {len(lost)} of its {model} objects are neither top level "
                    f"nor a child of another object, and were not compared: {names}"
                )


def _check_circles(dataset: str, parents: dict[tuple[str, str], DSyncModel]) -> None:
    """Raise ModelMismatch if an object is its own ancestor, given (model, id) of each child and its parent."""
    safe: set[tuple[str, str]] = set()
    for child in parents:
        line: dict[tuple[str, str], None] = {}
        while child in parents and child not in safe:
            if child in line:
                raise ModelMismatch(f'in {dataset}, objects are nested in a cycle: {child[0]} "{child[1]}" is its own ancestor')
            line[child] = None
            child = (parents[child].get_type(), parents[child].get_unique_id())
        safe.update(line)


def _classes(dataset: Dataset) -> set[type[DSyncModel]]:
    """Return every model class that a dataset declares or holds objects of."""
    held = (kind for model in dataset.store.model_names() for kind in dataset.store.kinds(model))
    return {*dataset.models().values(), *held}
