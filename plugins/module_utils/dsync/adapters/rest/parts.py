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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, nested, read
from .endpoint_options import PartActionOptions, PartOptions
from .template import Template

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


def parts_of(declared: Declared) -> tuple[Part, ...]:
    """Return the parts of the records of an endpoint, as they were declared.

    Args:
        declared: name of a field → its part.

    Raises:
        DefinitionError: naming the place.
    """
    return tuple(_part(name, piece) for name, piece in declared.mapping())


def _part(name: str, declared: Declared) -> Part:
    given = PartOptions.part(declared)
    has = {key for key in PartOptions.fields() if declared.has(key)}
    if ("get" in has) is ("from" in has):
        declared.wrong('it needs either "get", where it is asked for, or "from", where the record has it.')
    if "from" in has and ("records" in has or "only_if" in has):
        declared.wrong('"records" and "only_if" are keys next to "get"; move them there.')
    if {"add", "remove"} & has and {"set", "clear"} & has:
        declared.wrong('"add" and "remove" are for a list of items, "set" and "clear" for a single value; use one pair.')
    actions = {action: _action(action, declared.at(action)) for action in _METHODS if action in has}
    return Part(name, given.get, given.place or given.records, given.item, given.only_if, actions)


def _action(name: str, declared: Declared) -> PartAction | None:
    if name == "clear" and declared.value is False:
        return None
    value = {"path": declared.value} if isinstance(declared.value, str) else declared.value
    given = PartActionOptions.part(Declared(value, declared.place))
    if given.envelope and not given.wrap:
        declared.at("envelope").wrong('it is a sibling of what is wrapped; add "wrap".')
    sends = bool(given.wrap) or (name in ("set", "add") and _ITEM not in given.path.fields)
    return PartAction(given.method or _METHODS[name], given.path, given.wrap, dict(given.envelope or {}), sends)
