# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The unique ids of an object's children: a plain list for readers, with changes in constant time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

INDEX_FROM = 64
"""The length from which a list of children gets an index; shorter lists are searched, which takes less memory."""


class ChildIds(list[str]):
    """An ordered list of unique ids that finds, adds and removes an id in constant time.

    :meth:`discard` only marks an id as removed; it is removed from the list on the next read (:meth:`settle`), so readers
    of the object's field never see a removed id. The list can be changed like any list; its index is then rebuilt.
    """

    __slots__ = ("_gone", "_present")

    def __init__(self, uids: Any = ()) -> None:
        super().__init__(uids)
        self._present: set[str] | None = None
        self._gone: dict[str, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        self.settle()
        return (list, (list(self),))

    def _index(self) -> set[str]:
        if self._present is None:
            self._present = set(self)
        return self._present

    def add(self, uid: str) -> bool:
        """Append ``uid`` unless it is in the list; return whether it was appended."""
        present = self._index()
        if uid in present:
            return False
        present.add(uid)
        super().append(uid)
        return True

    def discard(self, uid: str) -> bool:
        """Remove ``uid``; return whether it was in the list."""
        present = self._index()
        if uid not in present:
            return False
        present.remove(uid)
        self._gone[uid] = self._gone.get(uid, 0) + 1
        return True

    def settle(self) -> None:
        """Remove discarded ids from the list; for an id that was added again since, its older position."""
        if not self._gone:
            return
        gone, self._gone = self._gone, {}
        kept = []
        for uid in self:
            if gone.get(uid):
                gone[uid] -= 1
            else:
                kept.append(uid)
        super().__setitem__(slice(None), kept)


def _forgets_index(name: str) -> Callable[..., Any]:
    original = getattr(list, name)

    def method(self: ChildIds, *args: Any, **kwargs: Any) -> Any:
        self.settle()
        self._present = None
        return original(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = original.__doc__
    return method


for _name in [
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "sort",
    "reverse",
    "__setitem__",
    "__delitem__",
    "__iadd__",
    "__imul__",
]:
    setattr(ChildIds, _name, _forgets_index(_name))


class ChildrenField:
    """Descriptor of a model's field that lists children: hides removed ids from every reader.

    It is not an attribute of the class itself, as pydantic expects of a field.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            raise AttributeError(self.name)
        try:
            uids = instance.__dict__[self.name]
        except KeyError:
            raise AttributeError(self.name) from None
        if uids.__class__ is ChildIds:
            uids.settle()
        return uids

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value


def add_uid(fields: dict[str, Any], name: str, uid: str) -> bool:
    """Append ``uid`` to the list ``fields[name]`` unless it is there, giving a longer list its index; return whether it was."""
    uids = fields[name]
    if uids.__class__ is list and len(uids) < INDEX_FROM:
        if uid in uids:
            return False
        uids.append(uid)
        return True
    if uids.__class__ is not ChildIds:
        fields[name] = uids = ChildIds(uids or ())
    return uids.add(uid)


def extend_uids(fields: dict[str, Any], name: str, uids: list[str]) -> bool:
    """Append ``uids``, which differ from one another, to the list ``fields[name]`` unless one of them is there already; return
    whether they were appended."""
    there = fields[name]
    if there.__class__ is ChildIds:
        there.settle()
    if there:
        if not set(there).isdisjoint(uids):
            return False
        there.extend(uids)
    else:
        fields[name] = uids
    return True


def discard_uid(fields: dict[str, Any], name: str, uid: str) -> bool:
    """Take ``uid`` out of the list ``fields[name]``, giving a longer list its index; return whether it was there."""
    uids = fields[name]
    if uids is None:
        return False
    if uids.__class__ is not ChildIds and (uids.__class__ is not list or len(uids) >= INDEX_FROM):
        fields[name] = uids = ChildIds(uids)
    if uids.__class__ is ChildIds:
        return uids.discard(uid)
    if uid not in uids:
        return False
    place = uids.index(uid)
    fields[name] = uids[:place] + uids[place + 1 :]  # a new list, since a caller may be iterating over this one
    return True
