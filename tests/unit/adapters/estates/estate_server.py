# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Small servers in memory that list, take and refuse objects as NetBox and Nautobot do, behind a real HTTP server.

They know the objects' fields and references from the adapters' own kinds. What the real servers do besides is tested against those.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from ipaddress import ip_interface, ip_network
from typing import Any
from urllib.parse import parse_qs

from dsync.adapters.estates.kinds import Kind, Kinds
from dsync.adapters.estates.nautobot.kinds import ADDRESSES, JOINS, NAMESPACE, PREFIXES
from dsync.adapters.estates.nautobot.kinds import KINDS as NAUTOBOT
from dsync.adapters.estates.netbox.kinds import KINDS as NETBOX
from rest_api import Api, Reply, Request

Native = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NO_FILTERS = {
    "limit", "offset", "start", "fields", "omit", "brief", "depth", "exclude_m2m", "ordering", "sort", "last_updated__gte",
    "id__gt",
}  # fmt: skip
Complaint = Callable[[str, str, Native], Any]
"""Returns what is wrong with an object that is sent: of an endpoint, with a method; nothing where it is good."""


class Estate:
    """The tables of a server, and its answers to requests."""

    kinds: Kinds = NETBOX
    status: Mapping[str, Any] = {"netbox-version": "4.5.1"}

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Native]] = {}
        self.api = Api(intervene=self.answer)
        self.complaint: Complaint = lambda method, endpoint, body: None
        self.choices: dict[str, list[dict[str, Any]]] = {}
        """Field → its choices, as a server describes them."""
        self.refusing: dict[str, Reply] = {}
        """Method and endpoint → the answer to any such request."""
        self.described: dict[str, dict[str, Any]] = {}
        """Endpoint → its fields as OPTIONS describes them, of kinds that the adapter does not know."""
        self.types: dict[str, dict[str, tuple[str, str]]] | None = None
        """GraphQL's type → its fields: kind and name of their types; None where there is no GraphQL."""
        self._numbers: Iterator[Any] = itertools.count(1)
        self._ticks = itertools.count()

    # ------------------------------------------------------------------ for tests

    def table(self, endpoint: str) -> dict[Any, Native]:
        return self.tables.setdefault(endpoint, {})

    def add(self, endpoint: str, **fields: Any) -> Any:
        """Add an object behind the adapter's back, and return its id."""
        return self._stored(endpoint, fields)["id"]

    def named(self, endpoint: str, name: str) -> Native:
        (found,) = (native for native in self.table(endpoint).values() if native["name"] == name)
        return self.shown(endpoint, found)

    def names(self, endpoint: str) -> set[str]:
        return {native["name"] for native in self.table(endpoint).values()}

    def change(self, endpoint: str, server_id: Any, **fields: Any) -> None:
        self.table(endpoint)[server_id].update(fields, last_updated=self._now())

    def asked(self, method: str, path: str) -> list[Request]:
        return [one for one in self.api.sent(method) if one.path == f"/api/{path}/"]

    # ------------------------------------------------------------------ answers

    def answer(self, request: Request) -> Reply:
        parts = request.path.removeprefix("/api").strip("/").split("/")
        depth = 3 if parts[0] == "plugins" else 2
        endpoint = "/".join(parts[:depth])
        refused = self.refusing.get(f"{request.method} {endpoint}")
        if refused is not None:
            return refused
        if parts in ([""], ["status"]):
            return self.about()
        if parts == ["graphql"]:
            return Reply(404, {}) if self.types is None else Reply(200, {"data": self.queried(request.body["query"])})
        server_id = int(parts[depth]) if len(parts) > depth else None
        handle: Callable[..., Reply] = getattr(self, f"_{request.method.lower()}")
        return handle(endpoint, request, server_id)

    def about(self) -> Reply:
        return Reply(200, self.status)

    @property
    def has_cursors(self) -> bool:
        return False

    def queried(self, query: str) -> Any:
        """Answer a GraphQL query: for the names of all types, or for one of them."""
        assert self.types is not None
        name = query.partition('name:"')[2].partition('"')[0]
        if not name:
            return {"__schema": {"types": [{"name": one} for one in self.types]}}
        fields = [
            {"name": one, "type": {"kind": kind, "name": None, "ofType": {"kind": "OBJECT", "name": other}}}
            for one, (kind, other) in self.types[name].items()
        ]
        return {"__type": {"fields": fields}}

    def _get(self, endpoint: str, request: Request, _server_id: Any) -> Reply:
        query = parse_qs(request.target.partition("?")[2])
        if not self.has_cursors:
            query.pop("start", None)
        found = [self.shown(endpoint, native) for native in self.table(endpoint).values()]
        for name, values in query.items():
            if name == "last_updated__gte":
                since = datetime.fromisoformat(values[0].replace("Z", "+00:00"))
                found = [one for one in found if datetime.fromisoformat(one["last_updated"]) >= since]
            elif name not in NO_FILTERS:
                found = self.filtered(endpoint, found, name, values)
        counted: int | None = len(found)
        if "start" in query or "id__gt" in query:  # as NetBox does since 4.6, and before
            first = int(query["start"][0]) if "start" in query else int(query["id__gt"][0]) + 1
            found = [one for one in found if one["id"] >= first]
            counted = None if "start" in query else len(found)
        limit, offset = int(query.get("limit", ["50"])[0]), int(query.get("offset", ["0"])[0])
        page, more = found[offset : offset + limit], offset + limit < len(found)
        link = f"http://behind.a.proxy/api/{endpoint}/?limit={limit}&offset={offset + limit}" if more else None
        if "fields" in query:
            wanted = set(query["fields"][0].split(","))
            page = [{name: value for name, value in one.items() if name in wanted} for one in page]
        return Reply(200, {"count": counted, "next": link, "previous": None, "results": page})

    def filtered(self, endpoint: str, found: list[Native], name: str, values: list[str]) -> list[Native]:
        """Return what a filter lets through; one that is not known lets everything through."""
        if name not in {"id", *self._fields(endpoint)}:
            return found
        return [one for one in found if str(_plain(one.get(name))) in values]

    def _post(self, endpoint: str, request: Request, _server_id: Any) -> Reply:
        bodies = request.body if isinstance(request.body, list) else [request.body]
        refusal = self.refusal([self.complaint("POST", endpoint, body) for body in bodies])
        if refusal is not None:
            return refusal
        made = [self.shown(endpoint, self._stored(endpoint, body)) for body in bodies]
        return Reply(201, made if isinstance(request.body, list) else made[0])

    def _patch(self, endpoint: str, request: Request, _server_id: Any) -> Reply:
        table = self.table(endpoint)
        complaints = [self.complaint("PATCH", endpoint, body) for body in request.body]
        complaints = [said or self.missing(table, body) for said, body in zip(complaints, request.body)]
        refusal = self.refusal(complaints)
        if refusal is not None:
            return refusal
        there = [body for body in request.body if body["id"] in table]
        for body in there:
            table[body["id"]].update(self._taken(endpoint, body), last_updated=self._now())
        return Reply(200, [self.shown(endpoint, table[body["id"]]) for body in there])

    def _options(self, endpoint: str, _request: Request, _server_id: Any) -> Reply:
        """Describe the fields that can be written; of an endpoint that the adapter does not know, nothing is reported."""
        if endpoint in self.described:
            return Reply(200, {"actions": {"POST": self.described[endpoint]}})
        names = (*self._fields(endpoint), "namespace", "custom_fields") if self.kinds.at(endpoint).known else ()
        fields = {name: {"type": "field", "read_only": name == "display"} for name in names}
        fields.update((name, {"type": "choice", "choices": self.choices[name]}) for name in fields.keys() & self.choices.keys())
        return Reply(200, {"actions": {"POST": fields}})

    def missing(self, table: Mapping[Any, Native], body: Native) -> Any:
        return None if body["id"] in table else {"id": ["No such object."]}

    def _delete(self, endpoint: str, request: Request, server_id: Any) -> Reply:
        ids = [body["id"] for body in request.body] if server_id is None else [server_id]
        if server_id is not None and server_id not in self.table(endpoint):
            return Reply(404, {"detail": "Not found."})
        there = [one for one in ids if one in self.table(endpoint)]
        dependents = [name for one in there for name in self._dependents(endpoint, one)]
        if dependents:
            detail = f"Unable to delete object. {len(dependents)} dependent objects were found: {', '.join(dependents)}"
            return Reply(409, {"detail": detail})
        for one in there:
            self._drop(endpoint, one)
        return Reply(204)

    def refusal(self, complaints: list[Any]) -> Reply | None:
        errors = [{"index": place, "errors": said} for place, said in enumerate(complaints) if said]
        return Reply(400, {"detail": f"{len(errors)} of {len(complaints)} failed.", "errors": errors}) if errors else None

    # ------------------------------------------------------------------ objects

    def _fields(self, endpoint: str) -> dict[str, Any]:
        """Return field → what it holds where nothing is said."""
        kind = self.kinds.at(endpoint)
        placed = {name: None for one in kind.placed.values() for name in one.natives[:2]}
        declared = {**kind.identifiers, **kind.attributes}
        return {**{name: _empty(piece) for name, piece in declared.items() if name not in kind.placed}, **placed}

    def _stored(self, endpoint: str, body: Native) -> Native:
        empty = self._fields(endpoint)
        native = {"id": next(self._numbers), **empty, **self._taken(endpoint, body), "last_updated": self._now()}
        self.table(endpoint)[native["id"]] = native
        return native

    def _taken(self, endpoint: str, body: Native) -> Native:
        return dict(body)

    def _now(self) -> str:
        return (START + timedelta(hours=next(self._ticks))).isoformat()

    def shown(self, endpoint: str, native: Native) -> Native:
        """Return an object as it is reported: with references that are objects, and choices with a label."""
        kind, told = self.kinds.at(endpoint), {}
        for name, value in native.items():
            target = self._target(kind, name)
            told[name] = value if target is None else self._references(target, value)
        for placed in kind.placed.values():
            type_field, id_field, whole = placed.natives
            if native.get(type_field) == placed.content_type:
                told[whole] = self.brief(self.kinds[placed.kind].endpoint, native[id_field])
        if isinstance(told.get("status"), str):
            told["status"] = {"value": told["status"], "label": told["status"].title()}
        return told

    def _target(self, kind: Kind, name: str) -> str | None:
        return self.kinds[kind.refs[name]].endpoint if name in kind.refs and name not in kind.placed else None

    def _references(self, endpoint: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self.brief(endpoint, one) for one in value]
        return None if value in (None, "") else self.brief(endpoint, value)

    def brief(self, endpoint: str, server_id: Any) -> Native:
        native = self.table(endpoint)[server_id]
        name = native.get("name", str(server_id))
        return {"id": server_id, "url": f"http://behind.a.proxy/api/{endpoint}/{server_id}/", "display": str(name), "name": name}

    def _dependents(self, endpoint: str, server_id: Any) -> Iterator[str]:
        for place, native, name in self._referring(endpoint, server_id):
            kind = self.kinds.at(place)
            declared = str({**kind.identifiers, **kind.attributes}[name].get("type"))
            if "None" not in declared and "list" not in declared and not self._part(place, endpoint):
                yield f"{native.get('name', place)} ({native['id']})"

    def _referring(self, endpoint: str, server_id: Any) -> Iterator[tuple[str, Native, str]]:
        for place, table in self.tables.items():
            kind = self.kinds.at(place)
            for name in kind.refs:
                if self._target(kind, name) == endpoint:
                    holders = [one for one in table.values() if server_id in _listed(one.get(name))]
                    yield from ((place, native, name) for native in holders)

    def _part(self, place: str, endpoint: str) -> bool:
        return self.kinds.at(place).name in self.kinds.at(endpoint).children

    def _drop(self, endpoint: str, server_id: Any) -> None:
        self.table(endpoint).pop(server_id, None)
        for place, native, name in list(self._referring(endpoint, server_id)):
            if self._part(place, endpoint):
                self._drop(place, native["id"])
            else:
                native[name] = [one for one in native[name] if one != server_id] if isinstance(native[name], list) else None


class NetBoxEstate(Estate):
    """As NetBox does it: what is not known is ignored, and a request is done whole or not at all."""

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        return reply._replace(headers={"API-Version": ".".join(map(str, self._release)), **reply.headers})

    @property
    def has_cursors(self) -> bool:
        return self._release >= (4, 6)

    @property
    def _release(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.status["netbox-version"].split(".")[:2])


class NautobotEstate(Estate):
    """As Nautobot does it: ids are texts, lists are kept beside objects, and what is not there is passed over in silence."""

    kinds = NAUTOBOT

    def __init__(self) -> None:
        super().__init__()
        self._numbers = (str(uuid.UUID(int=number)) for number in itertools.count(1))
        self.keeps: set[str] = set()
        """Endpoints where a delete is answered, and not done."""
        self.add("ipam/namespaces", name="Global")

    def about(self) -> Reply:
        return Reply(200, {}, {"API-Version": "3.2"})

    def refusal(self, complaints: list[Any]) -> Reply | None:
        return Reply(400, [said or {} for said in complaints]) if any(complaints) else None

    def missing(self, table: Mapping[Any, Native], body: Native) -> Any:
        return None

    def _delete(self, endpoint: str, request: Request, server_id: Any) -> Reply:
        return Reply(204) if endpoint in self.keeps else super()._delete(endpoint, request, server_id)

    def filtered(self, endpoint: str, found: list[Native], name: str, values: list[str]) -> list[Native]:
        known = {"id", *self._fields(endpoint), *(one for native in found for one in native)}
        if found and name not in known:
            raise AssertionError(f"Nautobot refuses the filter {name}")
        return [one for one in found if str(_plain(one.get(name))) in values]

    def _fields(self, endpoint: str) -> dict[str, Any]:
        fields = super()._fields(endpoint)
        return {name: value for name, value in fields.items() if name not in JOINS.get(endpoint, {})}

    def _taken(self, endpoint: str, body: Native) -> Native:
        taken = super()._taken(endpoint, body)
        space = taken.get(NAMESPACE)
        if isinstance(space, dict):
            taken[NAMESPACE] = next(key for key, one in self.table("ipam/namespaces").items() if one["name"] == space["name"])
        if endpoint == ADDRESSES and "address" in taken:
            around = [
                prefix
                for prefix in self.table(PREFIXES).values()
                if prefix[NAMESPACE] == taken[NAMESPACE]
                and ip_network(prefix["prefix"]).version == ip_interface(taken["address"]).version
                and ip_interface(taken["address"]).ip in ip_network(prefix["prefix"])
            ]
            taken["parent"] = max(around, key=lambda prefix: ip_network(prefix["prefix"]).prefixlen)["id"]
        return taken

    def shown(self, endpoint: str, native: Native) -> Native:
        told = super().shown(endpoint, native)
        if endpoint == ADDRESSES:
            del told[NAMESPACE]
            told["parent"] = self.brief(PREFIXES, native["parent"])
        for name, join in JOINS.get(endpoint, {}).items():
            pairs = [pair for pair in self.table(join.endpoint).values() if pair[join.own] == native["id"]]
            told[name] = [self.brief(join.listed, pair[join.other]) for pair in pairs]
        return told

    def _target(self, kind: Kind, name: str) -> str | None:
        for endpoint, joins in JOINS.items():
            for join in joins.values():
                if kind.endpoint == join.endpoint and name in (join.own, join.other):
                    return endpoint if name == join.own else join.listed
        return super()._target(kind, name)

    def brief(self, endpoint: str, server_id: Any) -> Native:
        return {"id": server_id, "object_type": "x", "url": f"http://behind.a.proxy/api/{endpoint}/{server_id}/"}

    def _drop(self, endpoint: str, server_id: Any) -> None:
        super()._drop(endpoint, server_id)
        for joins in JOINS.values():
            for join in joins.values():
                table = self.table(join.endpoint)
                for key in [key for key, pair in table.items() if server_id in (pair[join.own], pair[join.other])]:
                    del table[key]


def _empty(piece: Any) -> Any:
    if isinstance(piece, Mapping) and "default" in piece:
        return piece["default"]
    text = str(piece.get("type") if isinstance(piece, Mapping) else piece)
    if "None" in text:
        return None
    empty = {"list": [], "dict": {}, "bool": False, "int": 0}
    return next((value for start, value in empty.items() if text.startswith(start)), "")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("value", value.get("name", value.get("id")))
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
