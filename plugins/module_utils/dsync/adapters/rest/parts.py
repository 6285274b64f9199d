# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a record that have requests of their own: a value behind another address, or a list whose items are added and removed.

::

    parts:
      survey:                                               # the field of the record that gets the value
        get: /job_templates/{id}/survey                     # where the value is
        only_if: summary.survey                             # not asked for where the record has nothing there
        set: /job_templates/{id}/survey                     # POST of the value
        clear: /job_templates/{id}/survey                   # DELETE, where the value is to be null
      credentials:
        from: summary.credentials                           # or where the record itself has it
        item: id                                            # the field of each item that is its value
        add: {path: "/job_templates/{id}/credentials", wrap: id}
        remove: {path: "/job_templates/{id}/credentials", method: POST, wrap: id, envelope: {disassociate: true}}
      members:
        get: /teams/{id}/members
        records: results                                    # where the answer has the value, or the list of items
        item: login
        add: {path: "/teams/{id}/members/{item}", method: PUT}
        remove: "/teams/{id}/members/{item}"

``get`` alone, or ``from`` alone, describes a part that is only read. ``set``, ``clear``, ``add`` and ``remove`` are a path or a
dictionary of ``path``, ``method``, ``wrap`` and ``envelope``, as for a whole record; ``{item}`` is the item. An item that is in the
path is not sent, unless ``wrap`` says where. ``clear: false`` sends nothing for null, because another field replaces it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, nested, path_of, read
from .template import Template

PART_KEYS = ("get", "records", "from", "item", "only_if", "set", "clear", "add", "remove")
ACTION_KEYS = ("path", "method", "wrap", "envelope")
_METHODS = {"set": "POST", "clear": "DELETE", "add": "POST", "remove": "DELETE"}
_ITEM = ("item",)
_NOTHING: tuple[Any, ...] = (MISSING, None, "", False, [], {})


class PartRequest(NamedTuple):
    """A request that changes a part.

    Attributes:
        method: in capitals.
        path: where it goes, with fields of the record and ``{item}``.
        item: the item, or the value.
        body: what is sent; None for nothing.
    """

    method: str
    path: Template
    item: Any
    body: Any


@dataclass(frozen=True)
class PartAction:
    """How a part is changed.

    Attributes:
        method: in capitals.
        path: where, with fields of the record and ``{item}``.
        wrap: the names under which the value is put.
        envelope: constant fields beside it.
        sends: whether the value is sent.
    """

    method: str
    path: Template
    wrap: Path
    envelope: Mapping[str, Any]
    sends: bool

    def request(self, item: Any) -> PartRequest:
        """Return the request for an item or a value."""
        if not self.sends:
            return PartRequest(self.method, self.path, item, None)
        body = {**self.envelope, **nested({self.wrap: item})} if self.wrap else item
        return PartRequest(self.method, self.path, item, body)


@dataclass(frozen=True)
class Part:
    """A part of a record.

    Attributes:
        name: the field of the record that gets its value.
        get: where it is read; None where the record itself has it.
        place: where the answer, or the record, has it.
        item: where an item has its value; None for a single value.
        only_if: what the record has to have for the part to be asked for; None for always.
        actions: ``set``, ``clear``, ``add``, ``remove`` → how it is changed; None for a ``clear`` that needs no request.
    """

    name: str
    get: Template | None
    place: Path
    item: Path | None
    only_if: Path | None
    actions: Mapping[str, PartAction | None]

    @property
    def is_list(self) -> bool:
        """Whether it is a list whose items are added and removed."""
        return self.item is not None or "add" in self.actions or "remove" in self.actions

    def asked_for(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record needs a request for the part."""
        return self.get is not None and (
            self.only_if is None or read(record, self.only_if) not in (MISSING, None, "", False, [], {})
        )

    def value_in(self, found: Any) -> Any:
        """Return the value of the part, given what is at its place."""
        if not self.is_list:
            return None if found is MISSING or found == {} else found
        items = found if isinstance(found, list) else []
        return items if self.item is None else [read(one, self.item) for one in items]

    def removals(self, before: Any, after: Any) -> Iterator[PartRequest]:
        """Yield the requests that remove what is no longer to be there. Raises RecordProblem where that is not possible."""
        if self.is_list:
            kept = after or ()
            yield from (self._request("remove", one) for one in before or () if one not in kept)
        elif after is None and before is not None and self.actions.get("clear", self) is not None:
            yield self._request("clear", before)

    def additions(self, before: Any, after: Any) -> Iterator[PartRequest]:
        """Yield the requests that add what is to be there. Raises RecordProblem where that is not possible."""
        if self.is_list:
            there = before or ()
            yield from (self._request("add", one) for one in after or () if one not in there)
        elif after is not None:
            yield self._request("set", after)

    def _request(self, name: str, item: Any) -> PartRequest:
        action = self.actions.get(name)
        if action is None:
            raise RecordProblem(f'the endpoint has no "{name}" for its part {self.name}, so this cannot be changed there')
        return action.request(item)


def parts_of(declared: Declared, methods: Sequence[str]) -> tuple[Part, ...]:
    """Return the parts of the records of an endpoint, as they were declared.

    Args:
        declared: name of a field → its part.
        methods: the methods that there are.

    Raises:
        DefinitionError: naming the place.
    """
    return tuple(_part(name, piece, methods) for name, piece in declared.mapping())


def _part(name: str, declared: Declared, methods: Sequence[str]) -> Part:
    keys = dict(declared.mapping(PART_KEYS))
    if ("get" in keys) is ("from" in keys):
        declared.wrong('it needs either "get", where it is asked for, or "from", where the record has it.')
    if "from" in keys and ("records" in keys or "only_if" in keys):
        declared.wrong('"records" and "only_if" belong beside "get".')
    if {"add", "remove"} & keys.keys() and {"set", "clear"} & keys.keys():
        declared.wrong('"add" and "remove" are for a list of items, "set" and "clear" for a single value; use one pair.')
    place = path_of(keys["from"]) if "from" in keys else path_of(keys["records"]) if "records" in keys else ()
    return Part(
        name,
        Template(keys["get"]) if "get" in keys else None,
        place,
        path_of(keys["item"]) if "item" in keys else None,
        path_of(keys["only_if"]) if "only_if" in keys else None,
        {action: _action(action, keys[action], methods) for action in _METHODS if action in keys},
    )


def _action(name: str, declared: Declared, methods: Sequence[str]) -> PartAction | None:
    if name == "clear" and declared.value is False:
        return None
    value = {"path": declared.value} if isinstance(declared.value, str) else declared.value
    keys = dict(Declared(value, declared.place).mapping(ACTION_KEYS))
    if "path" not in keys:
        declared.wrong('it has no "path"; add it.')
    if "method" in keys:
        keys["method"].one_of(methods)
    path, wrap = Template(keys["path"]), path_of(keys["wrap"]) if "wrap" in keys else ()
    envelope = {key: piece.value for key, piece in keys["envelope"].mapping()} if "envelope" in keys else {}
    if envelope and not wrap:
        keys["envelope"].wrong('it is beside what is wrapped; add "wrap".')
    sends = bool(wrap) or (name in ("set", "add") and _ITEM not in path.fields)
    return PartAction(keys["method"].value if "method" in keys else _METHODS[name], path, wrap, envelope, sends)
