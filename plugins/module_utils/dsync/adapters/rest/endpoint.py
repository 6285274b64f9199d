# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the records of a model are in an API, and by which requests they are made, changed and removed.

A path alone describes a plain collection::

    from: /api/devices          # GET and POST /api/devices, PATCH and DELETE /api/devices/{id}

What differs is said in a dictionary; all keys but ``list`` can be left out::

    from:
      list: /api/devices?kind=router        # or {parent.name} in it: asked for once for each object of the parent model
      records: results                      # where the answer has the records, as a path; left out, the answer is the list
      records_optional: true                # an answer without them has none
      pagination: next                      # see :mod:`.pages`
      key: id                               # the field of a record that stands in addresses
      get: /api/devices/{id}                # asked for after a record was made and the answer did not have it
      if_match: true                        # read each record again before it is changed or removed, and send its ETag
      create: {method: POST, path: /api/devices, wrap: device, returns: device}
      update: {method: PUT, path: "/api/devices/{id}"}
      delete: false                         # there is no such thing

In a path, ``{field}`` stands for a field of the record and ``{parent.field}`` for one of its parent's, always percent-encoded.
``create``, ``update`` and ``delete`` are a path, false, or a dictionary of

======== =======================================================================================================================
method   POST, PUT, PATCH, DELETE or GET
path     the path
send     what is sent: ``changed`` fields (as PATCH does), the ``whole`` record (as PUT does), ``nothing`` (as DELETE does), or a
         list of fields that are sent always, with the changed ones; not for create, which sends everything that there is
wrap     the path under which it is put; ``rrsets.*`` makes it an item of a list there
extra    constant fields that are sent with each record
bulk     true: many records are one list in one request, all of which is done or nothing
returns  where the answer has the record, or the list of them, as a path
job      how to follow what the server answers 202 to, see :mod:`.jobs`
======== =======================================================================================================================

So the zones of PowerDNS, and what is in them, are (with ``workers: 1`` where its database is SQLite, which it cannot write twice at
a time) ::

    zone:
      from: {list: /zones, create: {extra: {kind: Native}}, update: {method: PUT, send: changed}}
    rrset:
      from:
        list: "/zones/{parent.id}"
        records: rrsets
        create: {method: PATCH, path: "/zones/{parent.id}", wrap: rrsets, bulk: true, extra: {changetype: REPLACE}}
        update: {method: PATCH, path: "/zones/{parent.id}", wrap: rrsets, bulk: true, extra: {changetype: REPLACE}, send: whole}
        delete: {method: PATCH, path: "/zones/{parent.id}", wrap: rrsets, bulk: true, extra: {changetype: DELETE},
                 send: [name, type]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..._util.suggestions import known
from ...records.declaration_reader import Declared
from ...records.path import EVERY, Path, nested, path_of, text_of_path
from ..http.pages import Pages
from .jobs import Job, job_of
from .pages import pages_of
from .template import Template

ENDPOINT_KEYS = ("list", "records", "records_optional", "pagination", "key", "get", "if_match", "create", "update", "delete")
METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
SENDS = ("changed", "whole", "nothing")

_GET_KEYS = ("path", "returns")
_ACTION_KEYS = ("method", "path", "wrap", "extra", "bulk", "returns", "job")


@dataclass(frozen=True)
class Action:
    """A request that makes, changes or removes a record.

    Attributes:
        method: in capitals.
        path: the path.
        send: one of :data:`SENDS`, or the fields that are sent always.
        wrap: the names under which the body is put.
        listed: whether a single record is sent as a list.
        extra: constant fields of each record that is sent.
        bulk: whether many records are sent at once.
        returns: where the answer has the record.
        job: how a job is followed that the server begins; None where nothing is known of jobs.
    """

    method: str
    path: Template
    send: str | tuple[Path, ...] = "whole"
    wrap: Path = ()
    listed: bool = False
    extra: Mapping[str, Any] | None = None
    bulk: bool = False
    returns: Path = ()
    job: Job | None = None

    @property
    def has_body(self) -> bool:
        """Whether anything is sent."""
        return self.send != "nothing" or bool(self.extra) or self.bulk

    def body(self, records: Sequence[Mapping[str, Any]]) -> Any:
        """Return what is sent for records, which is one alone unless this is for many at once."""
        bodies = [{**record, **(self.extra or {})} for record in records]
        value: Any = bodies if self.bulk or self.listed else bodies[0]
        return nested({self.wrap: value}) if self.wrap else value


@dataclass(frozen=True)
class Endpoint:
    """Where the records of a model are.

    Attributes:
        list: the collection's path.
        records: where the answer has the records; empty where it is the list of them.
        records_optional: whether an answer may lack that place where it has no records.
        pages: how the collection is divided.
        key: the field that stands in addresses.
        get: how one record is read; None where it cannot be.
        if_match: whether each record is read again before it is changed or removed, and its ETag sent; otherwise only where the
            server demands it.
        actions: ``create``, ``update``, ``delete`` → the request; None where there is none.
    """

    list: Template
    records: Path
    records_optional: bool
    pages: Pages
    key: Path
    get: Action | None
    if_match: bool
    actions: Mapping[str, Action | None]


def endpoint_of(declared: Declared, update_method: str, pagination: Declared) -> Endpoint:
    """Return the endpoint that a path or a dictionary describes.

    Args:
        declared: the path or the dictionary.
        update_method: PATCH or PUT, for updates of which nothing else is said.
        pagination: how collections are divided of which nothing else is said.

    Raises:
        DefinitionError: naming the place.
    """
    if isinstance(declared.value, str):
        declared = Declared({"list": declared.value}, declared.place)
    keys = dict(declared.mapping(ENDPOINT_KEYS))
    if "list" not in keys:
        declared.wrong('it does not say where the records are; add "list", the path of the collection.')
    listed = Template(keys["list"])
    if listed.asks_record:
        keys["list"].wrong("only fields of the parent can be in the path of a list, such as {parent.id}.")
    key = path_of(keys["key"]) if "key" in keys else ("id",)
    collection = listed.text.partition("?")[0]
    item = f"{collection.rstrip('/')}/{{{text_of_path(key)}}}{'/' if collection.endswith('/') else ''}"
    actions = {
        "create": _action(declared.at("create"), _Usual("POST", collection, collection)),
        "update": _action(declared.at("update"), _Usual(update_method, item, collection, key)),
        "delete": _action(declared.at("delete"), _Usual("DELETE", item, collection, key, "nothing")),
    }
    if_match = keys["if_match"].truth() if "if_match" in keys else False
    for name, action in actions.items():
        if if_match and action is not None and name != "create" and action.bulk:
            keys["if_match"].wrong(f"an ETag is of one record, and {name} has bulk: true.")
        if action is not None and name != "create" and action.path.asks_parent and not listed.asks_parent:
            declared.at(name).wrong("a field of the parent can be in its path only if the path of the list has one as well.")
    return Endpoint(
        listed,
        path_of(keys["records"]) if "records" in keys else (),
        keys["records_optional"].truth() if "records_optional" in keys else False,
        pages_of(keys.get("pagination", pagination)),
        key,
        _action(declared.at("get"), _Usual("GET", item, collection, send="nothing")) if "get" in keys else None,
        if_match,
        actions,
    )


class _Usual(NamedTuple):
    """What a request is like of which nothing else is said."""

    method: str
    path: str
    bulk_path: str
    key: Path | None = None
    send: str = ""


def _action(declared: Declared, usual: _Usual) -> Action | None:
    """Return a request as it was declared, or as it usually is; None where there is none."""
    if declared.value is False:
        return None
    value = {} if declared.value is None else {"path": declared.value} if isinstance(declared.value, str) else declared.value
    declared = Declared(value, declared.place)
    keys = dict(declared.mapping(_GET_KEYS if usual.method == "GET" else (*_ACTION_KEYS, "send") if usual.key else _ACTION_KEYS))
    bulk = keys["bulk"].truth() if "bulk" in keys else False
    path = Template(keys.get("path", Declared(usual.bulk_path if bulk else usual.path, f"{declared.place}.path")))
    if bulk and path.asks_record:
        declared.at("path").wrong("with bulk: true many records share the path, so no field of one of them can be in it.")
    method = _method(keys["method"]) if "method" in keys else usual.method
    wrap = path_of(keys["wrap"]) if "wrap" in keys else ()
    if EVERY in wrap[:-1]:
        keys["wrap"].wrong(f'"{EVERY}" can only be the last name of it.')
    extra = dict(keys["extra"].mapping()) if "extra" in keys else {}
    return Action(
        method,
        path,
        _send(keys["send"]) if "send" in keys else _usually_sent(usual, method, bulk),
        wrap[:-1] if wrap[-1:] == (EVERY,) else wrap,
        wrap[-1:] == (EVERY,),
        {name: piece.value for name, piece in extra.items()},
        bulk,
        path_of(keys["returns"]) if "returns" in keys else (),
        job_of(keys["job"]) if "job" in keys else None,
    )


def _method(declared: Declared) -> str:
    value = declared.value
    return Declared(value.upper() if isinstance(value, str) else value, declared.place).one_of(METHODS)


def _send(declared: Declared) -> str | tuple[Path, ...]:
    if not isinstance(declared.value, str):
        return tuple(path_of(item) for item in declared.items())
    if declared.value not in SENDS:
        declared.wrong(f"{declared.shown()} is not possible here{known(declared.value, SENDS)}; or a list of fields.")
    return declared.value


def _usually_sent(usual: _Usual, method: str, bulk: bool) -> str | tuple[Path, ...]:
    if usual.key is None:
        return usual.send or "whole"
    if bulk and method != "PUT":
        return (usual.key,)
    return usual.send or ("whole" if method == "PUT" else "changed")
