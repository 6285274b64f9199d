# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the records of a model are in an API, and by which requests they are made, changed and removed.

A path alone describes a plain collection::

    from: /api/devices          # GET and POST /api/devices, PATCH and DELETE /api/devices/{id}

What differs is said in a dictionary, all keys of which but ``list`` can be left out; :class:`.endpoint_options.EndpointOptions`
describes them::

    from:
      list: /api/devices?kind=router        # or {parent.name} in it: asked for once for each object of the parent model
      records: results                      # where the answer has the records
      pagination: next                      # see :mod:`.pages`
      get: /api/devices/{id}                # asked for after a record was made and the answer did not have it
      parts: {members: {get: …, add: …}}    # fields with requests of their own, see :mod:`.parts`
      pairs: {key: name, value: value}      # the answer is a dictionary of single values, each of which is a record
      create: {method: POST, path: /api/devices, wrap: device, returns: device}
      update: {method: PUT, path: "/api/devices/{id}"}
      delete: false                         # there is no such thing

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

from ...records.declaration_reader import Declared
from ...records.path import EVERY, Path, nested, read, text_of_path
from ..http.pages import Pages
from .endpoint_options import (
    ActionOptions,
    ChangeOptions,
    EndpointOptions,
    FinishOptions,
    GetOptions,
    PairOptions,
    RequestOptions,
)
from .jobs import Job, job_of
from .pages import pages_of
from .parts import Part, parts_of
from .template import Template


@dataclass(frozen=True)
class Action:
    """A request that makes, changes or removes a record.

    Attributes:
        method: in capitals.
        path: the path.
        send: ``changed``, ``values``, ``whole``, ``nothing`` or ``key``, or the fields that are sent always.
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
        key: the field that is used in addresses.
        get: how one record is read; None where it cannot be.
        if_match: whether each record is read again before it is changed or removed, and its ETag sent; otherwise only where the
            server demands it.
        actions: ``create``, ``update``, ``delete`` → the request; None if there is no such request.
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
        update_method: PATCH or PUT, for updates that declare no method.
        pagination: how collections are divided that declare no pagination.

    Raises:
        DefinitionError: naming the place.
    """
    if isinstance(declared.value, str):
        declared = Declared({"list": declared.value}, declared.place)
    given = EndpointOptions.part(declared)
    listed, collection = given.list, given.list.text.partition("?")[0]
    pairs = None if given.pairs is None else PairOptions.part(declared.at("pairs"))
    key = (pairs.key,) if pairs is not None and not declared.has("key") else given.key
    item = f"{collection.rstrip('/')}/{{{text_of_path(key)}}}{'/' if collection.endswith('/') else ''}"
    actions = {
        "create": _action(declared.at("create"), _Usual("POST", collection, collection)),
        "update": _action(declared.at("update"), _Usual(update_method, item, collection, key)),
        "delete": _action(declared.at("delete"), _Usual("DELETE", item, collection, key, "nothing")),
    }
    for name, action in actions.items():
        if given.if_match and action is not None and name != "create" and action.bulk:
            declared.at("if_match").wrong(f"an ETag is of one record, and {name} has bulk: true.")
        if action is not None and name != "create" and action.path.asks_parent and not listed.asks_parent:
            declared.at(name).wrong("a field of the parent can be in its path only if the path of the list has one as well.")
        for one in ("parts", "pairs"):
            if declared.has(one) and action is not None and action.bulk:
                declared.at(one).wrong(f"these records are sent one by one, and {name} has bulk: true.")
    return Endpoint(
        listed,
        given.records,
        given.records_optional,
        pages_of(declared.at("pagination") if declared.has("pagination") else pagination),
        key,
        _get(declared.at("get"), item) if declared.has("get") else None,
        given.if_match,
        actions,
        _GET if given.request is None else _request(declared.at("request")),
        None if given.finish is None else _finish(declared.at("finish")),
        tuple(given.empty),
        given.null_as,
        () if given.parts is None else parts_of(declared.at("parts")),
        None if pairs is None else (pairs.key, pairs.value),
    )


def _request(declared: Declared) -> Request:
    given = RequestOptions.part(declared)
    return Request(given.method, "", given.body)


def _finish(declared: Declared) -> Request:
    given = FinishOptions.part(declared)
    return Request(given.method, given.path.text)


class _Usual(NamedTuple):
    """Defaults of a request."""

    method: str
    path: str
    bulk_path: str
    key: Path | None = None
    send: str = ""


def _whole(declared: Declared) -> Declared:
    """Return the dictionary that the description of a request represents, which may be a path alone."""
    value = {} if declared.value is None else {"path": declared.value} if isinstance(declared.value, str) else declared.value
    return Declared(value, declared.place)


def _get(declared: Declared, item: str) -> Action:
    given = GetOptions.part(_whole(declared))
    return Action("GET", given.path or Template(Declared(item, declared.place)), "nothing", returns=given.returns)


def _action(declared: Declared, usual: _Usual) -> Action | None:
    """Return a request as it was declared, or with its defaults; None if there is no such request."""
    if declared.value is False:
        return None
    declared = _whole(declared)
    given = (ChangeOptions if usual.key else ActionOptions).part(declared)
    path = given.path or Template(Declared(usual.bulk_path if given.bulk else usual.path, f"{declared.place}.path"))
    if given.bulk and path.asks_record:
        declared.at("path").wrong("with bulk: true many records share the path, so no field of one of them can be in it.")
    if given.envelope and not given.wrap:
        declared.at("envelope").wrong('it is a sibling of what is wrapped; add "wrap".')
    method, send = given.method or usual.method, given.send if isinstance(given, ChangeOptions) else None
    return Action(
        method,
        path,
        _sent(send, usual, method, given.bulk),
        given.wrap[:-1] if given.wrap[-1:] == (EVERY,) else given.wrap,
        given.wrap[-1:] == (EVERY,),
        dict(given.extra or {}),
        given.bulk,
        () if isinstance(given.returns, Mapping) else given.returns,
        None if given.job is None else job_of(declared.at("job")),
        dict(given.envelope or {}),
        send == "key",
        given.returns if isinstance(given.returns, Mapping) else {},
    )


def _sent(send: str | Sequence[Path] | None, usual: _Usual, method: str, bulk: bool) -> str | tuple[Path, ...]:
    """Return what is sent, as declared or as usual."""
    if send == "key":
        return (usual.key or (),)
    if send is not None:
        return send if isinstance(send, str) else tuple(send)
    if usual.key is None:
        return usual.send or "whole"
    if bulk and method != "PUT":
        return (usual.key,)
    return usual.send or ("whole" if method == "PUT" else "changed")
