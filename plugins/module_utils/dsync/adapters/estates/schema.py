# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Kinds as a server describes them: which ones it has, which of their fields can be written, and what these refer to.

Endpoints come from the server's own index, fields from ``OPTIONS``, and the targets of references from GraphQL's types, since
``OPTIONS`` does not name these. A server without GraphQL is read all the same; to write a reference, a task then declares it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..http.described import About
from .kinds import CUSTOM_FIELDS, TAGS, Kind, Kinds, ref, refs

_TYPES = "{__schema{types{name}}}"
_FIELDS = '{__type(name:"%s"){fields{name type{...T ofType{...T ofType{...T ofType{...T}}}}}}} fragment T on __Type{kind name}'

_NEVER_TEXT = ("integer", "float", "decimal", "date", "datetime", "choice")
"""Types of fields that hold null, not an empty string, if they are empty."""

_PLURALS = (("ies", "y"), ("es", ""), ("s", ""), ("", ""))


class Listed(NamedTuple):
    """A kind in the index of a server.

    Attributes:
        endpoint: where its objects are listed, such as ``circuits/provider-networks``.
        content_type: the server's name of it, such as ``circuits.providernetwork``.
    """

    endpoint: str
    content_type: str


@dataclass
class _Index:
    endpoints: dict[str, str] = field(default_factory=dict)
    """Endpoint → content type."""
    content_types: dict[str, str] = field(default_factory=dict)
    """Content type → endpoint."""


class Schema:
    """The kinds of a server that an adapter does not know by itself; may be used by several threads.

    Args:
        kinds: those that the adapter knows.
        listed: returns the index of the server's kinds.
        fields: returns field → what the server describes of it, for the fields of an endpoint that can be written.
        asked: returns the data of a GraphQL query; None if the server answers none.
    """

    def __init__(
        self,
        kinds: Kinds,
        listed: Callable[[], Iterable[Listed]],
        fields: Callable[[str], Mapping[str, About]],
        asked: Callable[[str], Any],
    ) -> None:
        self._kinds, self._listed, self._fields, self._asked = kinds, listed, fields, asked
        self._lock = threading.RLock()
        self._known_index: _Index | None = None
        self._types: dict[str, str] | None = None
        self._described: dict[str, Kind] = {}
        self._widened: dict[tuple[str, frozenset[str]], Kind] = {}

    @property
    def _index(self) -> _Index:
        with self._lock:
            if self._known_index is None:
                found = list(self._listed())
                self._known_index = _Index(dict(found), {one.content_type: one.endpoint for one in found if one.content_type})
            return self._known_index

    def endpoints(self, name: str) -> list[str]:
        """Return the endpoints that list objects of a kind, by its name in singular such as ``provider_network``."""
        return [endpoint for endpoint in self._index.endpoints if name in singulars(endpoint)]

    @property
    def names(self) -> list[str]:
        """The names of all kinds in the server's index, and their endpoints."""
        return [*(singulars(endpoint)[0] for endpoint in self._index.endpoints), *self._index.endpoints]

    def kind_of(self, content_type: Any) -> Kind | None:
        """Return the kind that the server calls by a name such as ``dcim.site``; None if there is none."""
        endpoint = self._index.content_types.get(str(content_type).lower())
        return None if endpoint is None else self._kinds.at(endpoint)

    def kind(self, endpoint: str) -> Kind:
        """Return the kind of the objects at an endpoint, known or as the server describes it."""
        with self._lock:
            if endpoint not in self._described:
                known = self._kinds.at(endpoint)
                self._described[endpoint] = known if known.known else self._completed(known, self._fields(known.endpoint))
            return self._described[endpoint]

    def with_fields(self, kind: Kind, names: Iterable[str]) -> Kind:
        """Return a kind with these of its fields, as the server describes those that are not known."""
        key = kind.name, frozenset(names)
        with self._lock:
            if key not in self._widened:
                self._widened[key] = self._with_fields(kind, key[1])
            return self._widened[key]

    def _with_fields(self, kind: Kind, names: frozenset[str]) -> Kind:
        unknown = names - {*kind.identifiers, *kind.attributes, *kind.placed, "id", CUSTOM_FIELDS}
        if not kind.known or not unknown:
            return kind
        fields = self._fields(kind.endpoint)
        return self._completed(kind, {name: fields[name] for name in sorted(unknown) if name in fields})

    def _completed(self, kind: Kind, fields: Mapping[str, About]) -> Kind:
        plain = {name: _declared(about) for name, about in fields.items()}
        generic = {name[: -len("_type")] for name in fields if name.endswith("_type") and f"{name[: -len('_type')]}_id" in fields}
        ends = {name for name, about in fields.items() if _is_generic(about)}
        targets = self._targets(kind, fields) if any(_may_refer(about) for about in fields.values()) else {}
        nested = {name for name, about in fields.items() if _is_nested(about)} - targets.keys() - ends
        return replace(
            kind,
            attributes={**plain, **targets, **kind.attributes},
            generic=frozenset(generic),
            ends=frozenset(ends),
            unclear=frozenset(nested),
            slugs=kind.slugs or (not kind.known and "slug" in fields),
        )

    # ------------------------------------------------------------------ what refers to what

    def _targets(self, kind: Kind, fields: Mapping[str, About]) -> dict[str, Any]:
        """Return field → declaration, for those that refer to objects of one kind."""
        found = {TAGS: refs("tag")} if TAGS in fields else {}
        for name, (target, several) in self._types_of(kind).items():
            plain = name not in fields or name in found or f"{name.removesuffix('_type')}_id" in fields
            endpoint = None if plain else self._of_type(target, kind.endpoint)
            if endpoint is not None:
                other = self._kinds.at(endpoint).name
                found[name] = refs(other) if several else ref(other)
        return found

    def _types_of(self, kind: Kind) -> dict[str, tuple[str, bool]]:
        """Return field → GraphQL's type of the objects that it refers to, and whether it refers to any number of them."""
        model = self._index.endpoints.get(kind.endpoint, "").partition(".")[2]
        name = self._type_names.get(f"{model}type") if model else None
        about = (self._asked(_FIELDS % name) or {}).get("__type") if name is not None else None
        found = {one["name"]: _unwrapped(one["type"]) for one in (about or {}).get("fields") or ()}
        return {one: target for one, target in found.items() if target is not None}

    @property
    def _type_names(self) -> dict[str, str]:
        with self._lock:
            if self._types is None:
                data = self._asked(_TYPES) or {}
                self._types = {one["name"].lower(): one["name"] for one in data.get("__schema", {}).get("types", ())}
            return self._types

    def _of_type(self, name: str, near: str) -> str | None:
        """Return the endpoint of the objects of a GraphQL type; of several, the one in the app of another endpoint."""
        model = name.lower().removesuffix("type")
        found = [endpoint for one, endpoint in self._index.content_types.items() if one.partition(".")[2] == model]
        beside = [endpoint for endpoint in found if endpoint.rpartition("/")[0] == near.rpartition("/")[0]]
        return next(iter(found if len(found) == 1 else beside), None)


def singulars(endpoint: str) -> list[str]:
    """Return what an object at an endpoint may be called: ``provider_network`` at ``circuits/provider-networks``."""
    last = endpoint.rpartition("/")[2].replace("-", "_")
    return [last[: len(last) - len(end)] + instead for end, instead in _PLURALS if last.endswith(end)]


def paired(endpoints: Iterable[str], content_types: Iterable[str]) -> list[Listed]:
    """Return endpoints with the content types of their objects, by their names; empty if there is none of that name.

    Args:
        endpoints: such as ``dcim/software-versions`` and ``plugins/bgp/peerings``.
        content_types: such as ``dcim.softwareversion``.
    """
    apps: dict[str, dict[str, list[str]]] = {}
    for content_type in content_types:
        app, _dot, model = content_type.partition(".")
        apps.setdefault(model, {}).setdefault(app, []).append(content_type)
    found = []
    for endpoint in endpoints:
        app = endpoint.partition("/")[0].replace("-", "_")
        models = [apps.get(name.replace("_", ""), {}) for name in singulars(endpoint)]
        exact = [one for model in models for one in model.get(app, ())]
        added = [one for model in models for some in model.values() for one in some] if app == "plugins" else []
        found.append(Listed(endpoint, next(iter(exact or (added if len(added) == 1 else [])), "")))
    return found


def walked(index: Callable[[str], Mapping[str, Any]]) -> list[str]:
    """Return the endpoints of a server, by the indexes of its apps and plugins.

    Args:
        index: returns name → address, at a path such as ``""``, ``dcim`` and ``plugins``.
    """
    found = []
    for app in _names(index("")):
        if app == "plugins":
            found += [f"plugins/{plugin}/{name}" for plugin in _names(index(app)) for name in _names(index(f"plugins/{plugin}"))]
        else:
            found += [f"{app}/{name}" for name in _names(index(app))]
    return found


def _names(index: Any) -> list[str]:
    """Return the last parts of the addresses in an index; none of what is no index."""
    addresses = index.values() if isinstance(index, Mapping) else ()
    matches = [re.search(r"/api/(?:[^?]*/)?([^/?]+)/?$", one) for one in addresses if isinstance(one, str)]
    return [match.group(1) for match in matches if match]


def _unwrapped(about: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return the type of objects that a field of GraphQL has, and whether it has a list of them; None for anything else."""
    several = False
    while about.get("ofType"):
        several = several or about["kind"] == "LIST"
        about = about["ofType"]
    return (about["name"], several) if about["kind"] == "OBJECT" else None


def _declared(about: About) -> Any:
    """Return the declaration of an attribute, as far as it matters what is sent where it is empty."""
    return {"type": "any | None"} if about.get("type") in _NEVER_TEXT or about.get("choices") else "any"


def _may_refer(about: About) -> bool:
    return about.get("type") in ("field", "nested object", "list") and not about.get("choices")


def _nested(about: About) -> Mapping[str, Any]:
    return about.get("children") or (about.get("child") or {}).get("children") or {}


def _is_nested(about: About) -> bool:
    return "id" in _nested(about) and "url" in _nested(about)


def _is_generic(about: About) -> bool:
    """Return whether a field is a list of objects of any kinds, as the ends of a cable are."""
    return {"object_type", "object_id"} <= _nested(about).keys()
