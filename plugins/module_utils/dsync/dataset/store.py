# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, ClassVar

from ..exceptions import ObjectAlreadyExists, ObjectNotFound
from ..model.model import DSyncModel
from ..model.owner import Owner


def taken(dataset: str, existing: DSyncModel, new: DSyncModel) -> ObjectAlreadyExists:
    """Return the exception for two objects with the same identity in a dataset, which is given by its name."""
    sides = existing.get_identifiers(), new.get_identifiers()
    unlike = [name for name in sides[0] if str(sides[0][name]) != str(sides[1].get(name))]
    spelled = [", ".join(f"{name} {str(ids[name])!a}" for name in unlike) for ids in sides]
    told = f": {spelled[0]} and {spelled[1]} are equal as the model compares them" if unlike else ""
    return ObjectAlreadyExists(
        f'{dataset} has two {new.get_type()} objects with the identity "{new.get_unique_id()}"{told}', existing, new
    )


class BaseStore(ABC):
    """Stores objects by model name and unique id, in the order in which they were added.

    A store need not hold all objects in memory, nor return the same Python object twice; call :meth:`put` after changing an
    object that it returned.
    """

    is_on_disk: ClassVar[bool] = False
    """Whether most objects are in a file, and not in memory."""

    @abstractmethod
    def put(self, modelname: str, uid: str, obj: DSyncModel) -> None:
        """Store ``obj``, replacing any other object with that id."""

    @abstractmethod
    def put_new(self, modelname: str, uid: str, obj: DSyncModel) -> DSyncModel:
        """Store ``obj`` unless there is an object with that id; return the stored object."""

    @abstractmethod
    def find(self, modelname: str, uid: str) -> DSyncModel | None:
        """Return the object, or None."""

    @abstractmethod
    def discard(self, modelname: str, uid: str) -> bool:
        """Remove the object; return whether it existed."""

    @abstractmethod
    def uids(self, modelname: str) -> list[str]:
        """Return a new list of all ids of a model, in order."""

    @abstractmethod
    def objects(self, modelname: str) -> list[DSyncModel]:
        """Return a new list of all objects of a model, in the order of :meth:`uids`."""

    def each(self, modelname: str) -> Iterator[DSyncModel]:
        """Yield all objects of a model, in the order of :meth:`uids`, to be read only: they may be other ones than those of
        :meth:`find`, and need not be in memory together."""
        return iter(self.objects(modelname))

    def columns(self, model: type[DSyncModel], owner: Owner) -> Any:
        """Return the table to which objects of a class can be added as columns; None if the store holds objects only.

        Args:
            model: the class.
            owner: the dataset that holds the objects.
        """
        return None

    def add_columns(self, table: Any, columns: Any, parent: str | None, children: Mapping[str, list[str]]) -> int | None:
        """Add objects to a table of :meth:`columns` unless the id of one of them is taken or occurs twice.

        Args:
            table: the result of :meth:`columns`.
            columns: the values of the objects, as the table validated them; not changed.
            parent: the model of their parents; None if they have none.
            children: unique id of a parent → unique ids of its new children; not changed.

        Returns:
            None if all of them were added; otherwise the position of the first one whose id is taken, and none was added.
        """
        return table.add(columns)  # type: ignore[no-any-return]  # a table of any kind

    def listing(self, modelname: str, uids: Iterable[str]) -> Set[str]:
        """Return the ids of those objects whose children the store itself lists, from the arguments of :meth:`add_columns`."""
        return frozenset()

    def missing(self, modelname: str, uids: Iterable[str]) -> list[str]:
        """Return those of some ids that no object has, in their order."""
        return [uid for uid in uids if self.find(modelname, uid) is None]

    def values(self, modelname: str, name: str) -> Iterable[Any]:
        """Return the value of a field in each object of a model, in the order of :meth:`uids`; None for an object without it."""
        return (getattr(obj, name, None) for obj in self.objects(modelname))

    def scan(self, modelname: str) -> tuple[list[str], Sequence[DSyncModel]] | None:
        """Return a list of all ids of a model, which is not to be changed, and a sequence of all objects, in the same order. Both
        are valid until the store changes. None from a store for which holding all of them costs more than looking them up."""
        return None

    @abstractmethod
    def model_names(self) -> list[str]:
        """Return the names of the models that have objects."""

    @abstractmethod
    def count(self, modelname: str | None = None) -> int:
        """Return the number of objects, of one model or of all."""

    def put_all_new(self, modelname: str, uids: Sequence[str], objs: Sequence[DSyncModel]) -> int | None:
        """Store many objects unless the id of one of them is taken or occurs twice.

        Returns:
            None if all of them are stored; otherwise the position of the first one whose id is taken, and none is stored.
        """
        seen: set[str] = set()
        for place, uid in enumerate(uids):
            if uid in seen or self.find(modelname, uid) is not None:
                return place
            seen.add(uid)
        for uid, obj in zip(uids, objs):
            self.put(modelname, uid, obj)
        return None

    def kinds(self, modelname: str) -> set[type[DSyncModel]]:
        """Return the classes of the objects of a model: usually just one."""
        return {type(obj) for obj in self.objects(modelname)}

    def objects_of(self, modelname: str, uids: Iterable[str]) -> Sequence[DSyncModel]:
        """Return the objects with these ids, in their order.

        Raises:
            ObjectNotFound: one of them does not exist; ``args[1]`` is its id.
        """
        found = []
        for uid in uids:
            obj = self.find(modelname, uid)
            if obj is None:
                raise ObjectNotFound(f'no {modelname} "{uid}"', uid)
            found.append(obj)
        return found
