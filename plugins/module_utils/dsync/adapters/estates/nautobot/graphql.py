# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads objects by GraphQL, which costs Nautobot a twentieth of what REST does, and returns them as REST would.

GraphQL names choices otherwise, and leaves out objects that the user may not see where REST names their ids. So a kind is read by
it only where nothing can be hidden; the first objects are read by REST as well, as is one object for each choice that occurs, to
learn the choice's value; and where the two differ in any field that is needed, REST is used for the whole kind.

Nothing is skipped and nothing comes twice: objects that fit into one page are the answer to one query. For more, the ids of all are
asked for by one query, and then the objects by their ids.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ....exceptions import RecordProblem
from ..identity import Native, Natives, ServerId
from ..kinds import CUSTOM_FIELDS, Kind
from ..outside import chunks
from ..session import Session
from .kinds import ADDRESSES, CONTENT_TYPES, KINDS, NAMESPACE, NAMESPACES, PREFIXES

PATH = "/api/graphql/"

FIRST = 20
"""How many objects of a kind are read by REST first; a kind that has no more is not read by GraphQL."""

_ROOTS = "{__schema{queryType{fields{name type{...T ofType{...T ofType{...T ofType{...T}}}}}}}} fragment T on __Type{kind name}"
_FIELDS = '{__type(name:"%s"){fields{name type{...T ofType{...T ofType{...T ofType{...T}}}}}}} fragment T on __Type{kind name}'
_CUSTOM = "_custom_field_data"

Listed = Callable[[str, Mapping[str, Any]], Natives]
"""Returns the objects at an endpoint, with parameters, as REST reports them."""


class ByRest(Exception):
    """Objects are to be read by REST; the message is the reason."""


class _Wanted(NamedTuple):
    """A field that is asked for.

    Attributes:
        field: its name in REST.
        known: its name in GraphQL.
        form: what its values are: ``SCALAR``, ``ENUM`` or objects.
        written: how it is asked for.
    """

    field: str
    known: str
    form: str
    written: str

    @property
    def refers(self) -> bool:
        """Whether it refers to objects that may be hidden from a user."""
        return self.form not in ("SCALAR", "ENUM") and self.field != CONTENT_TYPES


class GraphQLReader:
    """Reads objects of a Nautobot by GraphQL; may be used by several threads.

    Args:
        session: sends requests.
        token: with which it does, to find its user.
        listed: reads a list by REST.
        told: returns objects at an endpoint, as REST reports them, with what else the list has.
        page_size: how many objects one answer has at most.
    """

    def __init__(
        self, session: Session, token: str, listed: Listed, told: Callable[[str, Natives], Natives], page_size: int
    ) -> None:
        self._session, self._token, self._listed, self._told, self._page_size = session, token, listed, told, page_size
        self._lock = threading.RLock()
        self._sees_all: bool | None = None
        self._roots: dict[str, str] | None = None
        self._types: dict[str, dict[str, str]] = {}

    def read(self, kind: Kind, fields: Collection[str], parameters: Mapping[str, Any]) -> Natives:
        """Return all objects of a kind, with some fields, as REST reports them, in the order of their ids.

        Args:
            kind: theirs.
            fields: the server's fields that are needed.
            parameters: of the list of REST.

        Raises:
            ByRest: they cannot be read by GraphQL, or not for sure with the same values.
            RecordProblem: the server cannot be asked.
        """
        first, count = self._first(kind, parameters)
        if count <= len(first):
            return first
        wanted = self._wanted(kind, fields)
        rows = {row["id"]: row for row in self._rows(kind, [one.written for one in wanted])}
        if not any(native["id"] in rows for native in first):
            raise ByRest("these are other objects there")
        form = _Form(kind, wanted, self._session.base)
        form.learn(first, rows)
        for ids in chunks(form.unknown(rows)):
            more = self._listed(kind.endpoint, {**parameters, "id": ids})
            form.learn(more, rows)
            first += more
        natives = {server_id: form.native(row) for server_id, row in rows.items()}
        _check(first, natives, [one.field for one in wanted])
        return [natives[server_id] for server_id in sorted(natives)]

    def _first(self, kind: Kind, parameters: Mapping[str, Any]) -> tuple[Natives, int]:
        """Return the first objects, and how many there are."""
        path = self._session.address_of(f"/api/{kind.endpoint}/", {"sort": "id", **parameters, "limit": FIRST})
        value = self._session.request("GET", path).json()
        if not isinstance(value, Mapping) or not isinstance(value.get("results"), list) or not isinstance(value.get("count"), int):
            raise ByRest("the answer has no count")
        return self._told(kind.endpoint, value["results"]), value["count"]

    # ------------------------------------------------------------------ what GraphQL has

    def _wanted(self, kind: Kind, fields: Collection[str]) -> list[_Wanted]:
        """Return how fields are written in a query. Raises ByRest."""
        there, found = self._fields_of(kind), []
        for name in sorted({*fields, "id"}):
            known = "parent" if _is_space(kind, name) else _CUSTOM if name == CUSTOM_FIELDS else name
            if known not in there:
                raise ByRest(f'GraphQL has no "{known}"')
            plain = there[known] in ("SCALAR", "ENUM")
            if not plain and not (_is_space(kind, name) or name in kind.refs or name == CONTENT_TYPES):
                raise ByRest(f'"{name}" refers to objects of which the kind is not known')
            inner = "{app_label model}" if name == CONTENT_TYPES else "{id namespace{id}}" if _is_space(kind, name) else "{id}"
            found.append(_Wanted(name, known, there[known], known if plain else known + inner))
        if any(one.refers for one in found) and not self._may_see_all():
            raise ByRest("GraphQL shows to what objects refer only with a superuser's token for sure")
        return found

    def _fields_of(self, kind: Kind) -> Mapping[str, str]:
        """Return field → what its values are: ``SCALAR``, ``ENUM`` or objects. Raises ByRest."""
        with self._lock:
            try:
                if self._roots is None:
                    fields = self._asked_for(_ROOTS)["__schema"]["queryType"]["fields"]
                    self._roots = {one["name"]: _innermost(one["type"])[1] for one in fields}
                name = self._roots.get(_root(kind))
                if name is None:
                    raise ByRest(f'GraphQL has no "{_root(kind)}"')
                if name not in self._types:
                    fields = self._asked_for(_FIELDS % name)["__type"]["fields"]
                    self._types[name] = {one["name"]: _innermost(one["type"])[0] for one in fields}
            except (KeyError, TypeError):
                raise ByRest("GraphQL does not describe its types") from None
            return self._types[name]

    def _may_see_all(self) -> bool:
        """Return whether the token is a superuser's, from whom nothing is hidden; False where that cannot be found out."""
        with self._lock:
            if self._sees_all is None:
                try:
                    self._sees_all = self._is_superuser()
                except RecordProblem:
                    self._sees_all = False
            return self._sees_all

    def _is_superuser(self) -> bool:
        titles = [str(one.get("display")) for one in self._listed("users/tokens", {"depth": 0})]
        mine = [title for title in titles if title.startswith(f"{self._token[-6:]} (") and title.endswith(")")]
        if len(mine) != 1:
            return False
        name = mine[0].partition(" (")[2][:-1]
        users = self._listed("users/users", {"username": name, "depth": 0})
        return len(users) == 1 and users[0].get("username") == name and users[0].get("is_superuser") is True

    # ------------------------------------------------------------------ reading

    def _rows(self, kind: Kind, written: Iterable[str]) -> list[dict[str, Any]]:
        """Return all objects; each page is one query, which reads all its objects at one moment."""
        root, fields = _root(kind), " ".join(written)
        rows = self._objects(f"{{o:{root}(limit:{self._page_size + 1}){{{fields}}}}}")
        if len(rows) <= self._page_size:
            return rows
        ids = [one["id"] for one in self._objects(f"{{o:{root}{{id}}}}")]
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), self._page_size):
            query = f"query($ids:[String]){{o:{root}(id:$ids){{{fields}}}}}"
            found += self._objects(query, {"ids": ids[start : start + self._page_size]})
        return found

    def _objects(self, query: str, variables: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        found = self._asked_for(query, variables).get("o")
        if not isinstance(found, list):
            raise ByRest("the answer to a query has no list")
        return found

    def _asked_for(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the data of a query that has no error. Raises ByRest."""
        try:
            value = self._session.request("POST", PATH, {"query": query, **({"variables": variables} if variables else {})}).json()
        except RecordProblem as problem:
            raise ByRest(str(problem)) from None
        data = value.get("data") if isinstance(value, Mapping) else None
        if not isinstance(data, dict) or value.get("errors"):
            raise ByRest(f"the answer to a query has errors: {str(value)[:200]}")
        return data


class _Form:
    """Turns what GraphQL reports of objects of a kind into what REST does.

    Args:
        kind: theirs.
        wanted: the fields.
        base: the address of the server.
    """

    def __init__(self, kind: Kind, wanted: Iterable[_Wanted], base: str) -> None:
        self._kind, self._wanted, self._base = kind, tuple(wanted), base
        self._choices: dict[str, dict[Any, Any]] = {one.field: {} for one in self._wanted if one.form == "ENUM"}
        self._custom: dict[str, None] = {}

    def learn(self, natives: Iterable[Native], rows: Mapping[ServerId, Native]) -> None:
        """Take note of the values of choices, and of the custom fields that there are.

        Args:
            natives: objects as REST reports them.
            rows: objects as GraphQL does, by id.
        """
        for native in natives:
            self._custom.update(dict.fromkeys(native.get(CUSTOM_FIELDS) or ()))
            for name, known in self._choices.items() if native["id"] in rows else ():
                known[rows[native["id"]][name]] = native.get(name)

    def unknown(self, rows: Mapping[ServerId, Native]) -> list[ServerId]:
        """Return the ids of objects, one for each choice of which the value is not known."""
        found = {(name, row[name]): server_id for server_id, row in rows.items() for name in self._choices}
        return list(dict.fromkeys(one for (name, choice), one in found.items() if choice not in self._choices[name]))

    def native(self, row: Native) -> dict[str, Any]:
        """Return an object as REST reports it. Raises ByRest."""
        found: dict[str, Any] = {}
        for one in self._wanted:
            value = row[one.known]
            if one.form == "ENUM":
                if value not in self._choices[one.field]:
                    raise ByRest(f'the choice {value} of "{one.field}" is not known')
                found[one.field] = self._choices[one.field][value]
            elif one.field == CUSTOM_FIELDS:
                found[one.field] = {name: (value or {}).get(name) for name in self._custom}
            elif one.field == CONTENT_TYPES:
                found[one.field] = [f"{some['app_label']}.{some['model']}" for some in value]
            elif _is_space(self._kind, one.field):
                found["parent"] = self._brief(PREFIXES, value)
                found[one.field] = self._brief(NAMESPACES, (value or {}).get(NAMESPACE))
            else:
                found[one.field] = value if one.form == "SCALAR" else self._referred(one.field, value)
        return found

    def _referred(self, name: str, value: Any) -> Any:
        endpoint = KINDS[self._kind.refs[name]].endpoint
        return [self._brief(endpoint, one) for one in value] if isinstance(value, list) else self._brief(endpoint, value)

    def _brief(self, endpoint: str, value: Any) -> Any:
        return None if value is None else {"id": value["id"], "url": f"{self._base}/api/{endpoint}/{value['id']}/"}


def _check(natives: Iterable[Native], found: Mapping[ServerId, Native], fields: Iterable[str]) -> None:
    """Raise ByRest where an object differs from what REST reports of it."""
    names = list(fields)
    for native in natives:
        other = found.get(native["id"], native)
        for name in names:
            if comparable(native.get(name)) != comparable(other.get(name)):
                raise ByRest(f'"{name}" of {native["id"]} differs from what REST reports')


def comparable(value: Any) -> str:
    """Return a string that two values of the server share that are the same in a record."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping) and {"id", "url"} <= value.keys():
        return value["id"]
    if isinstance(value, Mapping) and value.keys() == {"value", "label"}:
        return value["value"]
    return sorted(comparable(one) for one in value) if isinstance(value, list) else value


def _is_space(kind: Kind, name: str) -> bool:
    """Return whether a field is the namespace of an address, which is that of the prefix around it."""
    return kind.endpoint == ADDRESSES and name == NAMESPACE


def _root(kind: Kind) -> str:
    """Return what GraphQL calls the list of a kind's objects."""
    return kind.endpoint.rpartition("/")[2].replace("-", "_")


def _innermost(about: Mapping[str, Any]) -> tuple[str, str]:
    """Return the kind and the name of a type, or of what it is a list of."""
    while about.get("ofType"):
        about = about["ofType"]
    return about["kind"], str(about["name"])
