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
      request: {method: POST, body: {…}}    # how the list is asked for where that is not a GET
      empty: [404]                          # statuses with which the server says that the list has no records
      null_as: ""                           # what is sent for null, where the server ignores or refuses null
      finish: {method: POST, path: /apply}  # asked for once at the end of a run that changed something there
      get: /api/devices/{id}                # asked for after a record was made and the answer did not have it
      parts: {members: {get: …, add: …}}    # fields with requests of their own, see :mod:`.parts`
      pairs: {key: name, value: value}      # the answer is a dictionary of single values, each of which is a record
      if_match: true                        # read each record again before it is changed or removed, and send its ETag
      create: {method: POST, path: /api/devices, wrap: device, returns: device}
      update: {method: PUT, path: "/api/devices/{id}"}
      delete: false                         # there is no such thing

In a path, ``{field}`` represents a field of the record and ``{parent.field}`` one of its parent's, always percent-encoded;
``{+field}`` keeps slashes and colons in it.
``create``, ``update`` and ``delete`` are a path, false, or a dictionary of

======== =======================================================================================================================
method   POST, PUT, PATCH, DELETE or GET
path     the path
send     what is sent: ``changed`` fields (as PATCH does), the ``whole`` record (as PUT does), ``nothing`` (as DELETE does), or a
         list of fields that are sent always, with the changed ones; not for create, which sends everything that there is; or
         ``key``, the bare key of the record
wrap     the path under which it is put; ``rrsets.*`` makes it an item of a list there
envelope constant fields beside what is wrapped, such as those of JSON-RPC
extra    constant fields that are sent with each record
bulk     true: many records are one list in one request, all of which is done or nothing
returns  where the answer has the record, or the list of them, as a path; or field of the record → where the answer has its value,
         of an answer that has no record but, for example, its new key
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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..._util.suggestions import known
from ...records.declaration_reader import Declared
from ...records.path import EVERY, Path, nested, path_of, read, text_of_path
from ..http.pages import Pages
from .jobs import Job, job_of
from .pages import pages_of
from .parts import Part, parts_of
from .template import Template

ENDPOINT_KEYS = (
    "list", "request", "empty", "records", "records_optional", "pagination", "key", "get", "if_match", "finish", "null_as",
    "create", "update", "delete", "parts", "pairs",
)  # fmt: skip
METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
SENDS = ("changed", "whole", "nothing", "key")

_GET_KEYS = ("path", "returns")
_ACTION_KEYS = ("method", "path", "wrap", "envelope", "extra", "bulk", "returns", "job")


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
        envelope: constant fields beside what is wrapped.
        bare: whether the key alone is sent in the place of a record.
        gives: field of a record → where the answer has its value, of an answer that has no record.
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
    envelope: Mapping[str, Any] | None = None
    bare: bool = False
    gives: Mapping[Path, Path] | None = None

    @property
    def has_body(self) -> bool:
        """Whether anything is sent."""
        return self.send != "nothing" or bool(self.extra) or self.bulk

    def body(self, records: Sequence[Mapping[str, Any]]) -> Any:
        """Return what is sent for records, which is one alone unless this is for many at once."""
        if self.bare:
            bodies: list[Any] = [read(record, self.send[0]) for record in records if isinstance(self.send, tuple)]
        else:
            bodies = [{**record, **(self.extra or {})} for record in records]
        value: Any = bodies if self.bulk or self.listed else bodies[0]
        return {**(self.envelope or {}), **nested({self.wrap: value})} if self.wrap else value


class Request(NamedTuple):
    """A request that no record goes into.

    Attributes:
        method: in capitals.
        path: the path; empty for that of the list.
        body: what is sent; None for nothing.
    """

    method: str = "GET"
    path: str = ""
    body: Any = None


_GET = Request()


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
        request: how a list is asked for.
        finish: what is asked for when all changes are made; None for nothing.
        empty: statuses of answers that mean that there are no records.
        null_as: what is sent for null; None for null.
        parts: fields of a record that have requests of their own.
        pairs: the fields that get the key and the value of each item of a dictionary of single values; None for other records.
    """

    list: Template
    records: Path
    records_optional: bool
    pages: Pages
    key: Path
    get: Action | None
    if_match: bool
    actions: Mapping[str, Action | None]
    request: Request = _GET
    finish: Request | None = None
    empty: tuple[int, ...] = ()
    null_as: str | None = None
    parts: tuple[Part, ...] = ()
    pairs: tuple[str, str] | None = None


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
    pairs = _pairs(keys["pairs"]) if "pairs" in keys else None
    key = path_of(keys["key"]) if "key" in keys else (pairs[0],) if pairs else ("id",)
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
        for one in ("parts", "pairs"):
            if one in keys and action is not None and action.bulk:
                keys[one].wrong(f"these records are sent one by one, and {name} has bulk: true.")
    return Endpoint(
        listed,
        path_of(keys["records"]) if "records" in keys else (),
        keys["records_optional"].truth() if "records_optional" in keys else False,
        pages_of(keys.get("pagination", pagination)),
        key,
        _action(declared.at("get"), _Usual("GET", item, collection, send="nothing")) if "get" in keys else None,
        if_match,
        actions,
        _request(keys["request"], ("method", "body")) if "request" in keys else _GET,
        _request(keys["finish"], ("method", "path")) if "finish" in keys else None,
        tuple(status.number(400) for status in keys["empty"].items()) if "empty" in keys else (),
        _null_as(keys["null_as"]) if "null_as" in keys else None,
        parts_of(keys["parts"], METHODS) if "parts" in keys else (),
        pairs,
    )


def _pairs(declared: Declared) -> tuple[str, str]:
    keys = dict(declared.mapping(("key", "value")))
    if len(keys) < 2:
        declared.wrong("it names the fields for the key and for the value of each pair, such as {key: name, value: value}.")
    return keys["key"].text(), keys["value"].text()


def _null_as(declared: Declared) -> str:
    if not isinstance(declared.value, str):
        declared.wrong(f'this should be a string, such as "", and is {declared.shown()}.')
    return declared.value


def _request(declared: Declared, allowed: Sequence[str]) -> Request:
    keys = dict(declared.mapping(allowed))
    if "path" in allowed and "path" not in keys:
        declared.wrong('it has no "path"; add it.')
    path = Template(keys["path"]) if "path" in keys else None
    if path is not None and path.fields:
        keys["path"].wrong("no field of a record can be in this path.")
    body = keys["body"].value if "body" in keys else None
    return Request(_method(keys["method"]) if "method" in keys else "POST", path.text if path else "", body)


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
    extra, envelope = (dict(keys[name].mapping()) if name in keys else {} for name in ("extra", "envelope"))
    if envelope and not wrap:
        keys["envelope"].wrong('it is beside what is wrapped; add "wrap".')
    bare = "send" in keys and keys["send"].value == "key"
    returns = keys.get("returns")
    gives = {tuple(name.split(".")): path_of(one) for name, one in _fields_of(returns)}
    return Action(
        method,
        path,
        (usual.key or (),) if bare else _send(keys["send"]) if "send" in keys else _usually_sent(usual, method, bulk),
        wrap[:-1] if wrap[-1:] == (EVERY,) else wrap,
        wrap[-1:] == (EVERY,),
        {name: piece.value for name, piece in extra.items()},
        bulk,
        path_of(returns) if returns is not None and not gives else (),
        job_of(keys["job"]) if "job" in keys else None,
        {name: piece.value for name, piece in envelope.items()},
        bare,
        gives,
    )


def _fields_of(returns: Declared | None) -> Iterator[tuple[str, Declared]]:
    return iter(()) if returns is None or not isinstance(returns.value, Mapping) else returns.mapping()


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
