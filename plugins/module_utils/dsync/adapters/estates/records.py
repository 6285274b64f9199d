# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects as a server reports them → records as models and mappings see them, and values of records → what a server is sent.

In a record a reference is the unique id of the other object, a list of references a sorted list of them, a choice its value. A
record has ``id``, the server's own id, and ``cf``, another name of ``custom_fields``. Every field of the server is there, known or
not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_origin

from ...exceptions import RecordProblem
from ...model.values import members_of
from ...records.mapping import FieldMap, ModelMap, Values
from ...records.path import Path, read, text_of_path, write
from .identity import Native
from .kinds import CUSTOM_FIELDS, TAGS, Kind, Kinds
from .names import Names
from .order import split_end

OWNED = "owned"
"""The field of a record that holds whether the object has the owner tag."""

CF = "cf"
"""A shorter name of the custom fields."""


def wanted_fields(kind: Kind, mapped: ModelMap, owner_tag: bool, parent: str | None = None) -> set[str] | None:
    """Return which of the server's fields a model needs; None for all, if expressions use whole records.

    Args:
        kind: the objects' kind.
        mapped: the model.
        owner_tag: whether the tags are to be looked at.
        parent: the field that refers to an object's parent; None if there is no such field.
    """
    maps = [*mapped.fields.values(), *(mapped.parent.fields if mapped.parent else ())]
    if mapped.keep or mapped.drop or any(one.expression for one in maps):
        return None
    paths: list[Path] = [one.source for one in maps if one.source]
    paths += [*mapped.where, *(mapped.parent.match if mapped.parent else ())]
    paths += [path for one in maps for path in (one.write or ())]
    paths += [] if parent is None else [(parent,)]
    heads = {CUSTOM_FIELDS if path[0] == CF else path[0] for path in paths}
    heads |= {name for name in kind.identifiers if name in kind.refs} | ({"name"} & kind.identifiers.keys() if owner_tag else set())
    return {"id", *kind.natives_of(sorted(heads)), *([TAGS] if owner_tag and kind.taggable else [])}


def fitted(kind: Kind, mapped: ModelMap, record: dict[str, Any]) -> dict[str, Any]:
    """Let what is empty in a record be null where the model lets it be, and an empty string or list where it is one.

    Args:
        kind: the object's kind.
        mapped: the model.
        record: of an object; it is changed.
    """
    for name, one in mapped.fields.items():
        if one.source is None or (len(one.source) > 1 and one.source[0] != CF):
            continue
        value = read(record, one.source)
        identifies, refers = name in mapped.model._identifiers, one.source[0] in kind.refs
        if value == "" and one.nullable and (identifies or refers):
            write(record, one.source, None)
        elif value is None and not one.nullable and ((identifies and refers) or name in mapped.model._attributes):
            empty = _empty(mapped, name)
            if empty is not None:
                write(record, one.source, empty)
    return record


def _empty(mapped: ModelMap, name: str) -> Any:
    """Return the empty value of an attribute that is never null; None if it has no such value."""
    members = tuple(members_of(mapped.model.model_fields[name].annotation))
    return "" if str in members else [] if any(get_origin(one) is list or one is list for one in members) else None


class Records:
    """Turns what a server reports of objects into records.

    Args:
        names: the unique ids of objects that are referred to.
        kinds: the kinds that the server has.
        plain: turns a value of the server into one of a record.
        owner_tag: the name of the tag that marks what was created here, and is not shown.
        typed: returns the kind that the server calls by a name such as ``dcim.site``; None if there is no such kind.
    """

    def __init__(
        self,
        names: Names,
        kinds: Kinds,
        plain: Callable[[Any], Any],
        owner_tag: str | None,
        typed: Callable[[Any], Kind | None],
    ) -> None:
        self._names, self._kinds, self._plain, self._owner_tag, self._typed = names, kinds, plain, owner_tag, typed

    def whole(self, kind: Kind, native: Native, wanted: Collection[str] | None = None) -> dict[str, Any]:
        """Return the record of an object.

        Args:
            kind: its kind.
            native: what the server reports of it.
            wanted: the server's fields that are needed; None for all. Others that refer to objects are left out, so that nothing is
                asked about these.
        """
        placed = {name for one in kind.placed.values() for name in one.natives}
        names = [name for name in native if name not in placed]
        if wanted is not None:
            names = [name for name in names if name in wanted or not _refers(native[name])]
        names += [name for name, one in kind.placed.items() if set(one.natives) & native.keys()]
        names += [name for name in kind.generic if name not in native and f"{name}_id" in native]
        record = self.some(kind, native, names)
        if CUSTOM_FIELDS in record:
            record[CF] = record[CUSTOM_FIELDS]
            record[CUSTOM_FIELDS] = {name: value for name, value in record[CF].items() if value is not None}
        if self._owner_tag is not None:
            record[OWNED] = any(_is_named(tag, self._owner_tag) for tag in native.get(TAGS) or ())
        return record

    def referred(self, kind: Kind, native: Native) -> Iterator[tuple[Kind, Any]]:
        """Yield the objects to which an object refers: the kind of each, and its id or the little that the server reports of it."""
        for name, value in native.items():
            other = self._kinds[kind.refs[name]] if name in kind.refs and name not in kind.placed else None
            values = value.values() if name == CUSTOM_FIELDS and isinstance(value, Mapping) else (value,)
            for one in (one for some in values for one in (some if isinstance(some, list) else (some,))):
                if isinstance(one, Mapping) and isinstance(one.get("object"), Mapping):  # an end of a cable
                    one = one["object"]
                if isinstance(one, Mapping) and "id" in one and "url" in one:
                    found = other or self._kinds.of_address(one["url"])
                elif other is not None and isinstance(one, (int, str)) and one != "":
                    found = other
                else:
                    continue
                if found is not None:
                    yield found, one

    def some(self, kind: Kind, native: Native, names: Sequence[str]) -> dict[str, Any]:
        """Return some fields of a record, those that the server returned."""
        found: dict[str, Any] = {}
        for name in names:
            placed = kind.placed.get(name)
            if placed is not None:
                _type, id_field, _object = placed.natives
                brief = native.get(placed.prefix) or native.get(id_field)
                found[name] = self._names.uid(self._kinds[placed.kind], brief) if kind.holds(native, name) else None
            elif name in kind.generic:
                found[name] = self._generic(native.get(f"{name}_type"), native.get(name) or native.get(f"{name}_id"))
            elif name == CUSTOM_FIELDS:
                found[name] = {key: self._value(None, value) for key, value in (native.get(name) or {}).items()}
            elif name in native:
                value = native[name]
                if name == TAGS and self._owner_tag is not None:
                    value = [tag for tag in value or () if not _is_named(tag, self._owner_tag)]
                found[name] = self._value(self._kinds[kind.refs[name]] if name in kind.refs else None, value)
                if value is None and name in kind.refs and name in (kind.called or kind.identifiers):
                    found[name] = ""
        return found

    def _generic(self, content_type: Any, brief: Any) -> str | None:
        """Return the unique id of an object of any kind; None if there is none, or none of a kind that is listed."""
        kind = None if brief is None else self._typed(content_type)
        return None if kind is None else self._names.uid(kind, brief)

    def _value(self, kind: Kind | None, value: Any) -> Any:
        if isinstance(value, list):
            if value and all(isinstance(one, Mapping) and "url" in one for one in value):
                uids = [self._value(kind, one) for one in value]
                return sorted(uid for uid in uids if uid is not None)
            return [self._value(kind, one) for one in value]
        if isinstance(value, Mapping) and {"object_type", "object_id"} <= value.keys() and "url" not in value:  # an end of a cable
            return f"{value['object_type']}:{self._generic(value['object_type'], value.get('object') or value['object_id'])}"
        if isinstance(value, Mapping) and "id" in value and "url" in value:
            other = kind or self._kinds.of_address(value["url"])
            return None if other is None else self._names.uid(other, value)
        if kind is not None and value is not None and not isinstance(value, Mapping):
            return self._names.uid(kind, value)
        return self._plain(value)


class Bodies:
    """Turns values of records into what a server is sent.

    Args:
        names: the ids of objects that are referred to.
        kinds: the kinds that the server has.
        typed: returns the kind that the server calls by a name such as ``dcim.site``; None if there is no such kind.
    """

    def __init__(self, names: Names, kinds: Kinds, typed: Callable[[Any], Kind | None]) -> None:
        self._names, self._kinds, self._typed = names, kinds, typed

    def body(
        self,
        kind: Kind,
        mapped: ModelMap,
        values: Values,
        kind_of: Callable[[str], Kind | None],
        record: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return what is sent for these values.

        Args:
            kind: the object's kind.
            mapped: its model.
            values: path in a record → value.
            kind_of: returns the kind of the objects of a model of the task; None if there is no such kind.
            record: of the object as it was loaded; empty for a new one.

        Raises:
            RecordProblem: a value refers to an object that the server does not have.
        """
        body = self._generic_references(kind, mapped, values, record)
        done = {*body, *kind.generic}
        for path, value in sorted(values.items(), key=lambda item: item[1] not in (None, "")):
            head = CUSTOM_FIELDS if path[0] == CF else path[0]
            if head == "id" or head in done:
                continue
            other = self.referred(kind, mapped, path, kind_of)
            try:
                if head in kind.placed:
                    self._place(kind, head, value, body)
                elif head in kind.ends:
                    body[head] = [self._end(str(one)) for one in value or ()]
                elif other is not None:
                    write(body, (head, *path[1:]), self._ids(other, value))
                elif head in kind.unclear and isinstance(value, (str, list, tuple)) and value:
                    raise RecordProblem(
                        "the server does not report to what it refers; add that to the models, and declare the reference with ref"
                    )
                elif value == "" and len(path) == 1 and kind.may_be_none(head):
                    body[head] = None
                elif isinstance(value, dict) and isinstance(body.get(head), dict) and len(path) == 1:
                    body[head] = {**value, **body[head]}
                else:
                    write(body, (head, *path[1:]), value)
            except RecordProblem as problem:
                raise RecordProblem(f"{text_of_path(path)}: {problem}") from None
        return body

    def referred(self, kind: Kind, mapped: ModelMap, path: Path, kind_of: Callable[[str], Kind | None]) -> Kind | None:
        """Return to objects of which kind a field refers."""
        if path[0] in kind.refs:
            return self._kinds[kind.refs[path[0]]]
        for name, models in mapped.model._references.items():
            if mapped.fields[name].source == path:
                return next((found for model in as_names(models) if (found := kind_of(model)) is not None), None)
        return None

    def _ids(self, kind: Kind, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._names.server_id(kind, str(one)) for one in value]
        return None if value in (None, "") else self._names.server_id(kind, str(value))

    def _generic_references(self, kind: Kind, mapped: ModelMap, values: Values, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is sent for references to objects of any kind, of which the type or the object changes."""
        body: dict[str, Any] = {}
        used = {path[0] for one in mapped.fields.values() for path in (one.source, *(one.write or ())) if path}
        for name in sorted(kind.generic & used):
            type_field = f"{name}_type"
            if (name,) in values or (type_field,) in values:
                content_type = values.get((type_field,), record.get(type_field))
                uid = values.get((name,), record.get(name))
                body[type_field] = content_type or None
                try:
                    body[f"{name}_id"] = None if uid in (None, "") else self._typed_id(content_type, str(uid))
                except RecordProblem as problem:
                    raise RecordProblem(f"{name}: {problem}") from None
        return body

    def _typed_id(self, content_type: Any, uid: str) -> Any:
        kind = self._typed(content_type)
        if kind is None:
            raise RecordProblem(f'the server has no type of objects "{content_type}"; one is written like dcim.site')
        return self._names.server_id(kind, uid)

    def _end(self, text: str) -> dict[str, Any]:
        content_type, uid = split_end(text)
        if not content_type:
            raise RecordProblem(f'"{text}" should be a type and a name, such as dcim.interface:rt-1__eth0')
        return {"object_type": content_type, "object_id": self._typed_id(content_type, uid)}

    def _place(self, kind: Kind, name: str, value: Any, body: dict[str, Any]) -> None:
        placed = kind.placed[name]
        type_field, id_field, _object = placed.natives
        body[type_field] = None if value in (None, "") else placed.content_type
        body[id_field] = self._ids(self._kinds[placed.kind], value)


def _refers(value: Any) -> bool:
    """Return whether a value of the server is an object of its own, or a list of some."""
    one = value[0] if isinstance(value, list) and value else value
    return isinstance(one, Mapping) and "id" in one and "url" in one


def natives_of(one: FieldMap) -> set[str]:
    """Return the fields of a record that an attribute is read from, or written to."""
    return {path[0] for path in (one.source, *(one.write or ())) if path}


def as_names(models: str | Iterable[str]) -> Iterable[str]:
    """Return the names of the models to which a field may refer."""
    return (models,) if isinstance(models, str) else models


def id_of(value: Any) -> Any:
    """Return the server's id of an object that another one refers to."""
    return value.get("id") if isinstance(value, Mapping) else value


def _is_named(tag: Any, name: str) -> bool:
    return isinstance(tag, Mapping) and tag.get("name") == name
