# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of objects of a source of truth: where a server keeps them, what they have, and what refers to what.

A kind is data. Its identifiers and attributes are declared as the models of a task are (:mod:`...records.definition`), so that the
models that an adapter brings along are made as those of a user, and can be restated, narrowed and extended in YAML.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

CUSTOM_FIELDS = "custom_fields"
"""The field of an object that holds the values that users have added to its kind."""

TAGS = "tags"
"""The field of an object that lists its tags."""

_LONGEST_SLUG = 100

_ADDRESS = re.compile(r"/api/((?:plugins/)?[^/?]+/[^/?]+)(?:/|$)")


@dataclass(frozen=True)
class Placed:
    """A reference that the server keeps as a type and an id, because it may be to objects of several kinds.

    Attributes:
        kind: the kind of the objects that this field refers to.
        content_type: what the server calls that kind, such as ``dcim.site``.
        prefix: the server's fields are ``<prefix>_type``, ``<prefix>_id``, and ``<prefix>`` for the object itself.
    """

    kind: str
    content_type: str
    prefix: str

    @property
    def natives(self) -> tuple[str, str, str]:
        """The server's fields: of the type, of the id and of the object."""
        return f"{self.prefix}_type", f"{self.prefix}_id", self.prefix


@dataclass(frozen=True)
class Kind:
    """A kind of objects.

    Attributes:
        name: what it and its model are called.
        endpoint: where the server lists its objects, such as ``dcim/sites``.
        identifiers: field → declaration, in order; what distinguishes the objects, never the server's own id.
        attributes: field → declaration, as in a task's ``models``.
        placed: field → how the server keeps it, for references of which the kind varies.
        children: kinds whose objects are parts of objects of this one.
        called: the identifiers by which others refer to an object if the kind is not among the models of a task, where these are
            fewer than all; several objects may have the same ones.
        match: match keys of its model: fields that identify an object whose identifiers were changed.
        unique: fields of which no two objects may have the same values → one of them that may be null for a while.
        tied: field → fields of the object that it refers to; the server permits the reference only while these name the object, or
            a part of it, that refers.
        slugs: whether an object needs a slug, which is made of its name where none is given.
        twins: whether the server lets objects have the same name, as those below different parents, so that it is asked for others
            of a name before objects are compared by what they refer to.
        fixed: whether the server never lets an object have another parent.
        generic: references to objects of any kind: the server's fields are ``<name>_type``, ``<name>_id`` and, mostly, ``<name>``.
        ends: fields that are lists of such references, as the ends of cables are.
        unclear: references of which the server does not report to objects of which kind they are.
        checked: fields that are looked up in what the server describes before they are sent, since they have choices or not every
            release has them → the value that needs no look; None if the adapter does not know which fields those are.
        known: whether the adapter knows the kind; another one is described by the server's schema of its objects alone.
    """

    name: str
    endpoint: str
    identifiers: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    placed: Mapping[str, Placed] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    match: tuple[tuple[str, ...], ...] = ()
    unique: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    tied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    slugs: bool = False
    twins: bool = False
    fixed: bool = False
    generic: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    checked: Mapping[str, Any] | None = None
    known: bool = True

    @cached_property
    def refs(self) -> dict[str, str]:
        """Field → kind of the objects that it refers to."""
        declared = {**self.identifiers, **self.attributes}
        found = {name: piece["ref"] for name, piece in declared.items() if isinstance(piece, Mapping) and "ref" in piece}
        return {**found, **{name: placed.kind for name, placed in self.placed.items()}}

    @property
    def taggable(self) -> bool:
        """Whether an object may have tags; so may one of which nothing is known."""
        return TAGS in self.attributes or not (self.known or self.attributes)

    def natives_of(self, names: Sequence[str]) -> set[str]:
        """Return the server's fields that hold these fields."""
        more = {native for name in names if name in self.generic for native in (f"{name}_type", f"{name}_id")}
        return more | {native for name in names for native in (self.placed[name].natives if name in self.placed else (name,))}

    def is_certain(self, body: Mapping[str, Any]) -> bool:
        """Return whether it is known without the server that it has all fields of a body, and that their values need no look."""
        if self.checked is None:
            return False
        natives = {native for one in self.placed.values() for native in one.natives[:2]}
        plain = {*self.identifiers, *self.attributes, "id"} - self.placed.keys()
        return body.keys() <= plain | natives and all(body.get(name) in (None, "", value) for name, value in self.checked.items())

    def holds(self, native: Mapping[str, Any], name: str) -> bool:
        """Return whether the server has something in a field of an object."""
        placed = self.placed.get(name)
        if placed is None:
            return native.get(name) is not None
        type_field, id_field, _object = placed.natives
        return native.get(type_field) == placed.content_type and native.get(id_field) is not None

    def may_be_none(self, name: str) -> bool:
        """Return whether the server holds nothing, rather than an empty string, in a field that is empty."""
        declared = self.attributes.get(name, self.identifiers.get(name))
        return name in self.refs or (isinstance(declared, Mapping) and "None" in str(declared.get("type")))

    def briefly(self) -> dict[str, Any]:
        """Return the declaration of a model whose objects are identified as others refer to them (:attr:`called`)."""
        return {"identifiers": dict.fromkeys(self.called, "str")}

    def declaration(self, is_part: bool) -> dict[str, Any]:
        """Return the kind as a task's ``models`` would declare it.

        Args:
            is_part: whether its objects are parts of others, to which one of their identifiers refers.
        """
        found: dict[str, Any] = {"identifiers": dict(self.identifiers), "attributes": dict(self.attributes)}
        if is_part:
            found["shortname"] = [name for name in self.identifiers if name not in self.refs]
        if self.children:
            found["children"] = list(self.children)
        if self.match:
            found["match"] = [list(fields) for fields in self.match]
        return found


def ref(kind: str, optional: bool = True) -> dict[str, Any]:
    """Return the declaration of an attribute that refers to an object of a kind."""
    return {"type": "str | None" if optional else "str", "ref": kind}


def part(kind: str) -> dict[str, Any]:
    """Return the declaration of an identifier that refers to an object of a kind; where it refers to none it is an empty string."""
    return {"type": "str", "ref": kind}


def refs(kind: str) -> dict[str, Any]:
    """Return the declaration of a field that refers to any number of objects of a kind, in no order."""
    return {"type": "list[str]", "compare": "unordered", "default": [], "ref": kind}


class Kinds:
    """The kinds that a server has, by name and by endpoint.

    Args:
        kinds: those that the adapter knows.
    """

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._named = {kind.name: kind for kind in kinds}
        self._placed = {kind.endpoint: kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._named.values())

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def get(self, name: str) -> Kind | None:
        """Return a kind by its name; None if there is none."""
        return self._named.get(name)

    def __getitem__(self, name: str) -> Kind:
        """Return a kind by its name, or by its endpoint, which is the name of one that the adapter does not know."""
        return self._named[name] if name in self._named or "/" not in name else self.at(name)

    @property
    def names(self) -> list[str]:
        """The names of all kinds, and their endpoints."""
        return [*self._named, *self._placed]

    def at(self, endpoint: str) -> Kind:
        """Return the kind that is listed at an endpoint; one that the adapter does not know is described by its endpoint alone."""
        endpoint = endpoint.strip("/").removeprefix("api/")
        return self._placed.get(endpoint) or Kind(endpoint, endpoint, {}, known=False)

    def of_address(self, address: Any) -> Kind | None:
        """Return the kind of the object at an address of the server; None if it is not such an address."""
        found = endpoint_of(address)
        return None if found is None else self.at(found)

    def declaration(self) -> dict[str, Any]:
        """Return all kinds as a task's ``models`` would declare them."""
        parts = {child for kind in self for child in kind.children}
        return {kind.name: kind.declaration(kind.name in parts) for kind in self}


def endpoint_of(address: Any) -> str | None:
    """Return the endpoint of an address of a server, such as ``dcim/sites`` of that of a site; None for other addresses."""
    found = _ADDRESS.search(address) if isinstance(address, str) else None
    return None if found is None else found.group(1)


def slug_of(name: str) -> str:
    """Return a name as an address can have it: small letters, digits and hyphens.

    A name with letters that have no place there, as those of most of the world's scripts, gets a few characters more, which no
    other name gets: names that differ in nothing else would have one slug.
    """
    folded = unicodedata.normalize("NFKD", name.casefold())
    plain = folded.encode("ascii", "ignore").decode()
    slug = re.sub(r"[-\s.]+", "-", re.sub(r"[^\w\s.-]", "", plain)).strip("-")[:_LONGEST_SLUG]
    if slug and not any(char.isalnum() and not char.isascii() for char in folded):
        return slug
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{slug[: _LONGEST_SLUG - len(digest) - 1]}-{digest}".strip("-")
