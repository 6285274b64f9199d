# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Renames among all objects of two datasets, compared or not: so that a scope treats an object with another name as one object, and
half of a rename is never made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..dataset.dataset import Dataset
from ..dataset.tree import parents_of
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..model.references import downwards
from .diff import DiffElement
from .moves import Renamed, ref_of_element
from .renames import Identity, Keys, MatchKey, by_value, former_names, values_of_references, values_of_those_above


class Counterparts:
    """The pairs of objects of two datasets that are the same object with another name.

    Objects of which several have the same match key are in no pair.

    Args:
        source: one side; not changed.
        target: the other side; not changed.
        keys: the match keys of models; not changed.

    Attributes:
        in_target: object of the source → its counterpart.
        in_source: object of the target → its counterpart.
    """

    def __init__(self, source: Dataset, target: Dataset, keys: Keys) -> None:
        self._source, self._target, self._keys = source, target, keys
        self._classes = {model: kind for model, kind in target.models().items() if kind._moves}
        self.in_target: dict[ObjectRef, DSyncModel] = {}
        self.in_source: dict[ObjectRef, DSyncModel] = {}
        if keys:
            self._new, self._old = dict(_alone(source, target)), dict(_alone(target, source))
            self._parents = parents_of(source, {ref.model for ref in self._new})
            for model in downwards(self._classes, target.top_level):
                for key in keys.get(model, ()):
                    self._match(model, key)
                while self.in_target and self._name_after():
                    pass

    def _note(self, new: DSyncModel, old: DSyncModel) -> None:
        self.in_target[_ref(new)], self.in_source[_ref(old)] = old, new

    def _match(self, model: str, key: MatchKey) -> None:
        old = (obj for ref, obj in self._old.items() if ref.model == model and ref not in self.in_source)
        new = (obj for ref, obj in self._new.items() if ref.model == model and ref not in self.in_target)
        olds = _objects_by_value(old, key.read)
        for value, news in _objects_by_value(new, key.read).items():
            if len(news) == len(olds.get(value, ())) == 1:
                self._note(news[0], olds[value][0])

    def _name_after(self) -> bool:
        """Pair the objects that are named after renamed ones; return whether there were any."""
        before = len(self.in_target)
        for ref, obj in self._new.items():
            if ref not in self.in_target and ref.model in self._classes:
                kind, keys = self._classes[ref.model], obj.get_identifiers()
                above = values_of_those_above(keys, [*self._renamed_above(ref)][::-1])
                for name, _named_after in former_names(kind, keys, above, values_of_references(kind, keys, self._old_id)):
                    if name in self._old and name not in self.in_source:
                        self._note(obj, self._old[name])
                        break
        return len(self.in_target) > before

    def _renamed_above(self, ref: ObjectRef) -> Iterator[tuple[Identity, Identity]]:
        """Yield (new name, old name) of each renamed object above, from the bottom up."""
        above, seen = self._parents.get(ref), set[ObjectRef]()
        while above is not None and above not in seen:
            seen.add(above)
            if above in self.in_target:
                yield _identity(self._new[above]), _identity(self.in_target[above])
            above = self._parents.get(above)

    def _old_id(self, ref: ObjectRef) -> str | None:
        return self.in_target[ref].get_unique_id() if ref in self.in_target else None

    def protect_partial_renames(self, lone: Iterable[DiffElement], renamed: Mapping[ObjectRef, Renamed]) -> None:
        """Protect each object that is created or deleted if the other side has it with another name, and the comparison did not
        find that it is renamed: a delete would lose the object, a create would duplicate it.

        Args:
            lone: the elements of objects that are on one side only; marked here.
            renamed: those of them that were found on both sides.
        """
        paired = {*renamed, *(one.old for one in renamed.values())}
        left = [element for element in lone if not element.protected and ref_of_element(element) not in paired]
        compared = {ref_of_element(element) for element in left} | paired
        for element in left:
            sides = (self.in_target, self._target) if element.dest_attrs is None else (self.in_source, self._source)
            other = sides[0].get(ref_of_element(element))
            if other is not None:
                what = "which is named after an object that" if _ref(other) in compared else "which"
                element.protected = f'protected: {sides[1].name} has it as "{other.get_unique_id()}", {what} was not compared'
        self._protect_unclear([element for element in left if element.type in self._keys and not element.protected], compared)

    def _protect_unclear(self, left: Sequence[DiffElement], compared: set[ObjectRef]) -> None:
        """Protect each object if the match key is also that of one that was not compared, though it is not the only one."""
        for model in {element.type for element in left}:
            for key in self._keys[model]:
                for side, other, created in ((self._source, self._target, True), (self._target, self._source, False)):
                    wanted = [element for element in left if element.type == model and (element.dest_attrs is None) is created]
                    values = by_value(wanted, key.read)
                    for obj in other.store.objects(model) if values else ():
                        uid = obj.get_unique_id()
                        same = values.get(key.read({**obj.get_attrs(), **obj.get_identifiers()}), ())
                        if same and ObjectRef(model, uid) not in compared and side.store.find(model, uid) is None:
                            for element in same:
                                element.protected = f'protected: {other.name} has it as "{uid}", which was not compared'


def _alone(side: Dataset, other: Dataset) -> Iterator[tuple[ObjectRef, DSyncModel]]:
    """Yield the objects of one side whose identities the other side does not have."""
    for model in side.store.model_names():
        for obj in side.store.objects(model):
            if other.store.find(model, obj.get_unique_id()) is None:
                yield _ref(obj), obj


def _ref(obj: DSyncModel) -> ObjectRef:
    return ObjectRef(obj.get_type(), obj.get_unique_id())


def _identity(obj: DSyncModel) -> Identity:
    return obj.get_unique_id(), obj.get_identifiers()


def _objects_by_value(objs: Iterable[DSyncModel], read: Callable[[Mapping[str, Any]], Any]) -> dict[Any, list[DSyncModel]]:
    found: dict[Any, list[DSyncModel]] = {}
    for obj in objs:
        value = read({**obj.get_attrs(), **obj.get_identifiers()})
        if value is not None:
            found.setdefault(value, []).append(obj)
    return found
