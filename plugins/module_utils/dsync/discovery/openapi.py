# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The collections that a description by OpenAPI or Swagger names: where they are listed, what can be done to their items, and which
fields the items have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..adapters.core.schema import FieldSchema
from ..exceptions import DefinitionError

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_LAST_PARAMETER = re.compile(r"\{([^{}]+)\}/?").fullmatch
_DEEPEST = 8
LISTS = ("results", "data", "items", "records", "value", "values", "result", "entries", "objects", "content", "list", "members")
"""Keys under which answers have lists, the most usual first."""

_SIZES = ("per_page", "perPage", "page_size", "pageSize", "size", "limit")
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_FORMATS = {"date": "date", "date-time": "datetime"}
_KEYS = ("id", "uuid", "slug", "name", "key")


@dataclass(frozen=True)
class CollectionOf:
    """A collection of a description.

    Attributes:
        endpoint: the description of the endpoint, as in ``endpoints``.
        fields: field of an item → what is known of it.
    """

    endpoint: Mapping[str, Any]
    fields: Mapping[str, FieldSchema]


def collections_of(description: Any, base: str = "") -> dict[str, CollectionOf]:
    """Return path of a list → the collection, in the order of the description; without those below an item of another one.

    Args:
        description: of OpenAPI 3 or Swagger 2; not changed.
        base: the address to which paths are appended; its own path is not repeated in them.

    Raises:
        DefinitionError: it is not one, or describes no collection.
    """
    if not isinstance(description, Mapping) or not isinstance(description.get("paths"), Mapping):
        raise DefinitionError('this is not a description of OpenAPI: it has no "paths".')
    reader = _Reader(description, base)
    found = {path: made for path in reader.paths if (made := reader.collection(path)) is not None}
    if not found:
        raise DefinitionError("it describes no collection: no path whose GET answers with a list of objects.")
    return found


class _Reader:
    """Reads one description."""

    def __init__(self, description: Mapping[str, Any], base: str) -> None:
        self._whole = description
        own = _path_of_server(description).rstrip("/")
        start = "" if own and base.rstrip("/").endswith(own) else own
        self.paths = {f"{start}{path}": item for path, item in description["paths"].items() if isinstance(item, Mapping)}

    def collection(self, path: str) -> CollectionOf | None:
        """Return the collection that is listed at a path; None if none is."""
        operation = self.paths[path].get("get")
        if _PARAMETER.search(path) or not isinstance(operation, Mapping):
            return None
        place, item = self._list_in(self._answer(operation))
        if item is None:
            return None
        one = next((other for other in self.paths if _is_item(other, path)), None)
        names = dict(self._properties(item))
        endpoint: dict[str, Any] = {"list": path, **({"records": place} if place else {})}
        pages = self._pages(operation, path, self._answer(operation))
        if pages is not None:
            endpoint["pagination"] = pages
        key = _key(names, "" if one is None else _PARAMETER.findall(one)[-1])
        if key != "id":
            endpoint["key"] = key
        endpoint.update(self._actions(path, one, key))
        return CollectionOf(endpoint, self._fields(names, item, path, one, endpoint))

    def _actions(self, path: str, one: str | None, key: str) -> Iterator[tuple[str, Any]]:
        """Yield what can be done to the items, where it is not what the adapter does by itself."""
        there = self.paths[one] if one is not None else {}
        if "post" not in self.paths[path]:
            yield "create", False
        method = next((method for method in ("patch", "put") if method in there), None)
        usual = one is not None and one.rstrip("/").rpartition("/")[0] == path.rstrip("/")
        plain = usual and one is not None and one.endswith("/") == path.endswith("/")
        item = "" if one is None else re.sub(r"\{[^{}]+\}(/?)$", rf"{{{key}}}\1", one)
        if method is None:
            yield "update", False
        elif method == "put" or not plain:
            yield "update", {**({"method": "PUT"} if method == "put" else {}), **({} if plain else {"path": item})}
        if "delete" not in there:
            yield "delete", False
        elif not plain:
            yield "delete", {"path": item}

    def _fields(
        self, names: Mapping[str, Any], item: Mapping[str, Any], path: str, one: str | None, endpoint: Mapping[str, Any]
    ) -> dict[str, FieldSchema]:
        """Return what is known of the fields of an item; those that no request takes are only read."""
        bodies = [self._body(self.paths[path].get("post"))]
        bodies += [self._body(self.paths[one].get(method)) for method in ("put", "patch")] if one is not None else []
        taken = {name for body in bodies for name in dict(self._properties(body))}
        required = {name for name in self._resolved(item).get("required") or () if isinstance(name, str)}
        changeable = endpoint.get("update") is not False or endpoint.get("create") is not False
        return {
            name: self._field(one_of, name in required, changeable and bool(taken) and name not in taken)
            for name, one_of in names.items()
        }

    def _field(self, schema: Any, required: bool, unnamed: bool) -> FieldSchema:
        found = self._resolved(schema)
        kinds = found.get("type")
        kinds = [kinds] if isinstance(kinds, str) else list(kinds or ())
        nullable = bool(found.get("nullable") or found.get("x-nullable")) or "null" in kinds or not required
        known = [kind for kind in kinds if kind != "null"]
        kind = _TYPES.get(known[0], "") if len(known) == 1 else ""
        if kind == "str":
            kind = _FORMATS.get(found.get("format", ""), "str")
        if known == ["array"]:
            kind = self._list_type(found)
        choices = tuple(one for one in found.get("enum") or () if isinstance(one, (str, int)) and not isinstance(one, bool))
        choices = choices if len(choices) == len([one for one in found.get("enum") or () if one is not None]) else ()
        return FieldSchema(kind, nullable, choices, bool(found.get("readOnly")) or unnamed)

    def _list_type(self, schema: Mapping[str, Any]) -> str:
        items = self._resolved(schema.get("items")).get("type")
        inner = _TYPES.get(items, "any") if isinstance(items, str) else "any"
        return f"list[{inner}]"

    # ------------------------------------------------------------------ schemas

    def _resolved(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """Return a schema with references and parts replaced by what they stand for; of alternatives the only one besides null."""
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return {}
        if isinstance(schema.get("$ref"), str):
            return self._resolved(self._at(schema["$ref"]), depth + 1)
        found = dict(schema)
        for part in found.pop("allOf", None) or ():
            inner = self._resolved(part, depth + 1)
            properties = {**inner.get("properties", {}), **(found.get("properties") or {})}
            required = [*(inner.get("required") or ()), *(found.get("required") or ())]
            found = {**inner, **found, **({"properties": properties} if properties else {}), "required": required}
        several = [one for name in ("oneOf", "anyOf") for one in found.get(name) or ()]
        kinds = [one for one in several if not (isinstance(one, Mapping) and one.get("type") == "null")]
        if len(kinds) == 1:
            inner = self._resolved(kinds[0], depth + 1)
            found = {**inner, **found, "nullable": len(kinds) < len(several) or bool(inner.get("nullable"))}
        return found

    def _at(self, reference: str) -> Any:
        there: Any = self._whole
        for name in reference.removeprefix("#/").split("/"):
            there = there.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(there, Mapping) else None
        return there

    def _properties(self, schema: Any) -> Iterator[tuple[str, Any]]:
        for name, one in (self._resolved(schema).get("properties") or {}).items():
            if isinstance(name, str) and not self._resolved(one).get("writeOnly"):
                yield name, one

    def _list_in(self, schema: Any) -> tuple[str, Any]:
        """Return where an answer has a list of objects, and the schema of its items; None as the schema where it has none."""
        found = self._resolved(schema)
        if found.get("type") == "array" or "items" in found:
            return "", found.get("items") if self._is_object(found.get("items")) else None
        lists = {name: self._resolved(one) for name, one in (found.get("properties") or {}).items()}
        lists = {name: one for name, one in lists.items() if "items" in one and self._is_object(one["items"])}
        name = next((name for name in LISTS if name in lists), None if len(lists) != 1 else next(iter(lists)))
        return ("", None) if name is None or "id" in (found.get("properties") or {}) else (name, lists[name]["items"])

    def _is_object(self, schema: Any) -> bool:
        return bool(self._resolved(schema).get("properties"))

    # ------------------------------------------------------------------ operations

    def _answer(self, operation: Mapping[str, Any]) -> Any:
        """Return the schema of the answer of success."""
        answers = operation.get("responses") or {}
        found = next((answers[name] for name in ("200", 200, "default") if name in answers), None)
        found = self._resolved(found)
        return found.get("schema") or self._content(found)

    def _body(self, operation: Any) -> Any:
        """Return the schema of what a request takes."""
        if not isinstance(operation, Mapping):
            return None
        for one in map(self._resolved, operation.get("parameters") or ()):
            if one.get("in") == "body":
                return one.get("schema")
        return self._content(self._resolved(operation.get("requestBody")))

    def _content(self, found: Mapping[str, Any]) -> Any:
        content = found.get("content")
        kinds = content if isinstance(content, Mapping) else {}
        json_first = sorted(kinds, key=lambda name: "json" not in str(name))
        return kinds[json_first[0]].get("schema") if json_first and isinstance(kinds[json_first[0]], Mapping) else None

    def _pages(self, operation: Mapping[str, Any], path: str, answer: Any) -> dict[str, Any] | None:
        """Return how the collection is divided into pages, as far as its parameters and its answer show it."""
        given = [*(self.paths[path].get("parameters") or ()), *(operation.get("parameters") or ())]
        names = [one.get("name") for one in map(self._resolved, given) if one.get("in") == "query"]
        size = next((name for name in _SIZES if name in names), None)
        sized = {} if size is None else {"size_param": size, "size": 100}
        answered = self._resolved(answer).get("properties") or {}
        if "next" in answered and self._resolved(answered["next"]).get("type") in ("string", ["string", "null"]):
            return {"type": "next", **sized}
        if "offset" in names:
            return {"type": "offset", **sized}
        return {"type": "page", **sized} if "page" in names else None


def _is_item(other: str, path: str) -> bool:
    """Return whether a path is that of an item of the collection at another one."""
    start = f"{path.rstrip('/')}/"
    return other.startswith(start) and _LAST_PARAMETER(other[len(start) :]) is not None


def _key(names: Mapping[str, Any], parameter: str) -> str:
    """Return the field of an item by which paths name it."""
    if parameter in names:
        return parameter
    within = next((name for name in names if name in _KEYS and parameter.lower().endswith(name)), None)
    return within or next((name for name in _KEYS if name in names), "id")


def _path_of_server(description: Mapping[str, Any]) -> str:
    """Return the path of the first server, which comes before all other paths."""
    base, servers = description.get("basePath"), description.get("servers")
    if isinstance(base, str):
        return base
    first = servers[0] if isinstance(servers, Sequence) and servers else None
    url = first.get("url") if isinstance(first, Mapping) else None
    found = re.fullmatch(r"(?:https?://[^/]+)?(/[^?#]*)?", url) if isinstance(url, str) else None
    return found[1] or "" if found is not None else ""
