# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The mapping of the native records of one side to objects of the models, and back.

::

    device:
      from: dcim.devices                        # where the records are; the meaning depends on the adapter
      where: {kind: [router, switch]}           # records with these values
      deleted: {deleted_at: now}                # deleted records stay, and are marked
      keep: status != "retired"                 # and of these, those for which this is true; drop: is the opposite
      fields:
        name: hostname                          # another name
        site_name: location.site                # a nested field
        role: {from: role_id, lookup: roles}    # through a table, or a list of tables in turn
        owner: {value: netops}                  # a constant
        mtu: {from: mtu, default: 1500}         # with a default
        region: {parent: name}                  # an identifier of the parent; it is not in the record
        fqdn: {expr: hostname ~ ".example.net", write: {hostname: fqdn.split(".")[0]}}
        owner: {expr: owner_id or none, lookup: owners, write: owner_id}
      parent: {match: {site_id: id}}            # or parent's identifier → field: {name: location.site}

An attribute that is not listed is the native field of the same name. Native fields without an attribute are not changed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from .._util.plain_json import Unwritable, natural
from .._util.redaction import Redactor, secret_strings
from .._util.suggestions import known
from ..exceptions import RecordProblem
from ..model.model import DSyncModel
from ..model.values import allows_none, members_of
from .declaration_reader import Declared
from .expression import Evaluate, compiled
from .path import MISSING, Path, path_of, read, text_of_path

MODEL_KEYS = ("from", "key", "where", "deleted", "keep", "drop", "fields", "parent")
DELETED_KEYS = ("value", "restored")
FIELD_KEYS = ("from", "value", "expr", "parent", "lookup", "default", "write", "write_only")
LOOKUP_KEYS = ("from", "model", "key", "value", "where")

NO_PARENT: Mapping[str, Any] = MappingProxyType({})

Record = Mapping[str, Any]
"""A native record: field's name → value, with other records and lists in it."""

Values = dict[Path, Any]
"""The values to write to a native record."""


class _Tables(NamedTuple):
    """A lookup in both directions, never changed.

    Attributes:
        there: native value → attribute's value.
        back: attribute's value → native value.
        twice: attribute's values with several native ones.
    """

    there: Mapping[Any, Any]
    back: Mapping[Any, Any]
    twice: frozenset[Any]


class Lookup:
    """A table from native values to attributes' values; several threads may use one.

    Args:
        name: its name in messages.
        pairs: returns all (native value, attribute's value); called on the first search, and again if a value is not found.
    """

    def __init__(self, name: str, pairs: Callable[[], Iterable[tuple[Any, Any]]]) -> None:
        self._name, self._pairs = name, pairs
        self._tables: _Tables | None = None
        self._met: type[Any] | None = None

    def _filled(self) -> _Tables:
        there: dict[Any, Any] = {}
        back: dict[Any, Any] = {}
        twice: set[Any] = set()
        for native, value in self._pairs():
            for one in (native, value):
                if not _is_key(one):
                    what = "a list" if isinstance(one, list) else "a dictionary" if isinstance(one, Mapping) else type(one).__name__
                    raise RecordProblem(f"the lookup {self._name} contains {what}, and must contain only single values")
            there[native] = value
            if value in back and back[value] != native:
                twice.add(value)
            back[value] = native
        self._tables = _Tables(there, back, frozenset(twice))
        return self._tables

    def has(self, native: Any) -> bool:
        """Return whether the table has a native value. Raises RecordProblem."""
        return _is_key(native) and native in (self._tables or self._filled()).there

    def value_of(self, native: Any) -> Any:
        """Return the attribute's value for a native one. Raises RecordProblem."""
        if native is None:
            return None
        key, tables = self._found(native, lambda tables: tables.there)
        self._met = native.__class__
        return tables.there[key]

    def native_of(self, value: Any) -> Any:
        """Return the native value for an attribute's. Raises RecordProblem."""
        if value is None:
            return None
        key, tables = self._found(value, lambda tables: tables.back)
        if key in tables.twice:
            raise RecordProblem(f'the lookup {self._name} has "{value}" for several native values, so it cannot be written')
        return self._as_met(tables.back[key])

    def _as_met(self, native: Any) -> Any:
        """Return a native value with the type that records use; keys of a table in a task are always strings."""
        forms = spellings(native) if self._met in (bool, int, str) else ()
        return next((one for one in forms if one.__class__ is self._met), native)

    def _found(self, wanted: Any, table: Callable[[_Tables], Mapping[Any, Any]]) -> tuple[Any, _Tables]:
        """Return the key of a value, and the tables that contain it, which are read again if it is missing."""
        known_before = self._tables
        tables = known_before or self._filled()
        while True:
            for key in spellings(wanted):
                if _is_key(key) and key in table(tables):
                    return key, tables
            if tables is not known_before:
                break
            tables = self._filled()
        raise RecordProblem(f'the lookup {self._name} has no "{wanted}"{known(wanted, map(str, table(tables)))}')


def _is_key(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def spellings(value: Any) -> Iterator[Any]:
    """Yield a value, and its other possible forms in a table: a number or boolean as a string, or the reverse."""
    yield value
    if value.__class__ is bool:
        yield str(value).lower()
    elif value in ("true", "false"):
        yield value == "true"
    elif isinstance(value, str) and len(value) < 20 and value.removeprefix("-").isdecimal() and str(int(value)) == value:
        yield int(value)
    yield str(value)


@dataclass(frozen=True)
class FieldMap:
    """How one attribute, or one identifier of the parent, is read and written.

    Attributes:
        name: the attribute.
        source: the path of the native value, or where it is written; None if it comes from elsewhere.
        constant: the constant value; MISSING for none.
        expression: computes the value.
        parent: the parent's identifier that is the value, which is not in the record.
        implied: the parent's identifier that is the value if the record does not have it, because its place implies the parent.
        lookups: the tables that translate it, in turn.
        default: the value for an absent native value; MISSING for none.
        nullable: whether the attribute may be None.
        write: native field → expression over the object's values; None if it is written as it is read.
        written: whether it can be written.
        write_only: whether the system takes the value and does not show it, or not all of it.
        concealed: what the system shows in the place of such a value, or of one in it; None if it shows nothing.
    """

    name: str
    source: Path | None = None
    constant: Any = MISSING
    expression: Evaluate | None = None
    parent: str | None = None
    implied: str | None = None
    lookups: tuple[Lookup, ...] = ()
    default: Any = MISSING
    nullable: bool = False
    write: Mapping[Path, Evaluate] | None = None
    written: bool = True
    write_only: bool = False
    concealed: str | None = None

    def value_of(self, record: Record, above: Mapping[str, Any] = NO_PARENT, empty_is_none: bool = False) -> Any:
        """Return the attribute's value, or MISSING if the model's own default applies. Raises RecordProblem.

        Args:
            record: the native record.
            above: the parent's identifiers, as far as they are known.
            empty_is_none: whether an empty string is null, or the default, if the attribute may be null or has a default.
        """
        if self.constant is not MISSING:
            return self.constant
        if self.parent is not None:
            return above.get(self.parent, MISSING)
        value = self.expression({**record, "record": record}) if self.expression is not None else read(record, self.source or ())
        if value is MISSING:
            return above.get(self.implied or "", self.default)
        if empty_is_none and value == "" and not (self.lookups and self.lookups[0].has(value)):
            if self.nullable:
                return None
            if self.default is not MISSING:
                return self.default
        if value == "" and self.nullable and self.lookups and not self.lookups[0].has(value):
            return None
        for lookup in self.lookups:
            value = _each(lookup.value_of, value)
        return self.default if value is None and self.default is not MISSING and not self.nullable else value

    def natives_of(self, value: Any, values: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
        """Yield the native fields of a value with their new values; none for an attribute that is not written.

        Args:
            value: the attribute's value, plain.
            values: all of the object's values, plain.

        Raises:
            RecordProblem: it cannot be written.
        """
        if not self.written:
            return
        if self.write is not None:
            for path, expression in self.write.items():
                yield path, expression(values)
        elif self.source is not None:
            for lookup in reversed(self.lookups):
                value = _each(lookup.native_of, value)
            yield self.source, value


def _each(translated: Callable[[Any], Any], value: Any) -> Any:
    """Return a value translated by a lookup, or a list with each of its items translated."""
    return [translated(one) for one in value] if isinstance(value, list) else translated(value)


@dataclass(frozen=True)
class ParentMap:
    """How a child finds its parent.

    Attributes:
        fields: the field of each of the parent's identifiers, in order; empty if ``match`` or the place determines the parent.
        match: native field of the child → native field of the parent, whose values are the same.
        by_name: whether nothing was declared, and fields are named like the parent's identifiers; the place takes precedence.
        reference: the field whose values refer to the parents; None if something else determines the parent.
    """

    fields: tuple[FieldMap, ...] = ()
    match: Mapping[Path, Path] = field(default_factory=dict)
    by_name: bool = False
    reference: FieldMap | None = None


@dataclass(frozen=True)
class Deleted:
    """How the records of deleted objects are marked, which stay where they are.

    Attributes:
        field: the native field with the mark.
        value: its value in a deleted record; :data:`NOW` for the moment of the deletion.
        restored: its value in a record that is created or restored; MISSING if an attribute has it.
    """

    field: Path
    value: Any
    restored: Any

    def marks(self, value: Any) -> bool:
        """Return whether a value of the field marks a deleted record."""
        if self.value == NOW:
            return not _is_one_of(value, (self.restored,))
        return _is_one_of(value, (self.value,))


NOW = "now"
"""The value of a mark that is the moment of the deletion: any value except that of a restored record."""


@dataclass(frozen=True)
class ModelMap:
    """How the objects of one model are read from native records, and written back.

    Attributes:
        model: the model's class.
        place: where the records are, as declared; None if nothing was declared.
        key: the native field for the key of a record if records are the values of a dictionary.
        fields: attribute or identifier → its mapping.
        where: native field → values, one of which it must have.
        deleted: how deleted records are marked; None if they are removed.
        keep: whether to include a record.
        drop: whether to exclude a record.
        parent: how an object finds its parent; None if nothing was declared.
    """

    model: type[DSyncModel]
    place: Declared
    key: Path | None
    fields: Mapping[str, FieldMap]
    where: Mapping[Path, tuple[Any, ...]]
    keep: Evaluate | None
    drop: Evaluate | None
    parent: ParentMap | None
    deleted: Deleted | None = None

    @cached_property
    def name(self) -> str:
        """The model's name."""
        return self.model.get_type()

    def wants(self, record: Record) -> bool:
        """Return whether a native record is one of the model's. Raises RecordProblem."""
        return has_values(record, self.where) and self.keeps(record)

    def keeps(self, record: Record) -> bool:
        """Return whether ``keep`` and ``drop`` include a native record. Raises RecordProblem."""
        names = {**record, "record": record} if self.keep or self.drop else {}
        for key, expression, wanted in (("keep", self.keep, True), ("drop", self.drop, False)):
            try:
                if expression is not None and bool(expression(names)) is not wanted:
                    return False
            except RecordProblem as problem:
                raise RecordProblem(f"{self.name}.{key}: {self._located(problem, record)}") from None
        return True

    def _located(self, problem: RecordProblem, record: Record, name: str = "") -> str:
        """Return the problem of a record, or of one of its attributes, without secrets."""
        hidden = self.model.get_sensitive_fields()
        sources = [field.source for one, field in self.fields.items() if one in hidden and field.source is not None]
        values = record.values() if name in hidden else (read(record, source) for source in sources)
        return Redactor(secret_strings(values)).redact(str(problem)) if hidden else str(problem)

    def row(self, record: Record, empty_is_none: bool = False, above: Mapping[str, Any] = NO_PARENT) -> dict[str, Any]:
        """Return the values of an object's fields. Raises RecordProblem.

        Args:
            record: the native record; not changed.
            empty_is_none: whether an empty string is null if the attribute may be null.
            above: the identifiers of the object's parent, as far as they are known.
        """
        values: dict[str, Any] = {}
        for name, mapped in self.fields.items():
            try:
                value = mapped.value_of(record, above, empty_is_none)
            except RecordProblem as problem:
                raise RecordProblem(f"{self.name}.{name}: {self._located(problem, record, name)}") from None
            if value is MISSING:
                if self.model.model_fields[name].is_required():
                    if not mapped.nullable:
                        raise RecordProblem(
                            f'{self.name}.{name}: the record has no "{text_of_path(mapped.source or ())}"{known(name, record)}'
                        )
                    value = None
                else:
                    continue
            if empty_is_none and value == "":
                if mapped.nullable:
                    value = None
                elif self.default_counts(name):
                    continue
            values[name] = value
        self._check_identity(values)
        return values

    def default_counts(self, name: str) -> bool:
        """Return whether an empty string means the model's default: if there is one, and the attribute holds no strings."""
        field = self.model.model_fields[name]
        return not field.is_required() and not {str, Any} & set(members_of(field.annotation))

    def is_blank(self, values: Mapping[str, Any]) -> bool:
        """Return whether all identifiers are blank; null is valid if an identifier may be null."""
        for name in self.model._identifiers:
            value = values.get(name)
            if not isinstance(value, str) or value.strip():
                return False
        return True

    def _check_identity(self, values: Mapping[str, Any]) -> None:
        """Raise RecordProblem if all identifiers are blank."""
        if self.is_blank(values):
            names = self.model._identifiers
            blank = f"{names[0]} is blank" if len(names) == 1 else f"{', '.join(names)} are all blank"
            raise RecordProblem(
                f'{self.name}: {blank}, so nothing identifies the object; fill it in, or exclude such records with "drop"'
            )

    def written(self, values: Mapping[str, Any], names: Iterable[str]) -> Values:
        """Return the values of a native record for these attributes. Raises RecordProblem.

        Args:
            values: all values of the object, plain.
            names: the attributes to write.
        """
        found: Values = {}
        for name in names:
            try:
                found.update(self.fields[name].natives_of(values.get(name), values))
            except RecordProblem as problem:
                raise RecordProblem(f"{self.name}.{name} cannot be written: {problem}") from problem
        return found

    def belonging(self) -> Values:
        """Return the values that a new native record needs to belong to the model."""
        return {path: values[0] for path, values in self.where.items() if len(values) == 1}

    def unwritable(self) -> list[str]:
        """Return the attributes that cannot be written."""
        return [name for name, mapped in self.fields.items() if not mapped.written and name not in self.model._identifiers]


Tables = Callable[[Declared], Lookup]
"""Returns the lookup of a declaration, which is its name or the table itself."""


def model_map(model: type[DSyncModel], parent: type[DSyncModel] | None, declared: Declared, tables: Tables) -> ModelMap:
    """Return the mapping of one model.

    Args:
        model: its class.
        parent: the class of its parents; None for a top-level model.
        declared: the declaration; an empty piece maps each attribute to the native field of the same name.
        tables: returns the lookups.

    Raises:
        DefinitionError: a declaration is wrong; the message names the place.
    """
    if declared.value is None:
        declared = Declared({}, declared.place)
    keys = dict(declared.mapping(MODEL_KEYS))
    names = [name for name in model.model_fields if name not in model.get_children_mapping().values()]
    given = dict(keys["fields"].mapping(names)) if "fields" in keys else {}
    fields = {}
    for name in names:
        fields[name] = field_map(name, given.get(name), allows_none(model.model_fields[name].annotation), tables, parent)
    for name in names:
        if fields[name].write_only and name not in model.get_sensitive_fields():
            given[name].at("write_only").wrong(
                f'a value that the system hides is a secret; add "sensitive: true" to "{name}" in models.'
            )
    for name in model._identifiers:
        if not fields[name].written and given[name].at("write").value is not False:
            given[name].wrong(
                f'"{name}" identifies the object, so it must be written; add "write", or "write: false" if a parent implies it.'
            )
    return ModelMap(
        model=model,
        place=declared.at("from"),
        key=path_of(keys["key"]) if "key" in keys else None,
        fields=fields,
        where=where_of(keys["where"]) if "where" in keys else {},
        keep=compiled(keys["keep"]) if "keep" in keys else None,
        drop=compiled(keys["drop"]) if "drop" in keys else None,
        parent=_parent(keys["parent"], model, parent, tables) if "parent" in keys else _by_name(model, parent, fields),
        deleted=_deleted(keys["deleted"], model, fields) if "deleted" in keys else None,
    )


def _deleted(declared: Declared, model: type[DSyncModel], fields: Mapping[str, FieldMap]) -> Deleted:
    """Return how deleted records are marked. Raises DefinitionError."""
    pairs = list(declared.mapping())
    if len(pairs) != 1:
        declared.wrong("this should be one field with the value that marks a deleted record, such as {deleted_at: now}.")
    name, piece = pairs[0]
    keys = dict(piece.mapping(DELETED_KEYS)) if isinstance(piece.value, Mapping) else {"value": piece}
    if "value" not in keys:
        piece.wrong('it does not name the value of deleted records; add "value".')
    for one in keys.values():
        if isinstance(one.value, (list, Mapping)):
            one.wrong("this should be a single value.")
    writers = [field.name for field in fields.values() if field.source == (name,) or (name,) in (field.write or {})]
    if set(writers) & set(model._identifiers):
        piece.wrong(f'"{writers[0]}" identifies the object, so it cannot mark deleted records.')
    value = keys["value"].value
    restored = keys["restored"].value if "restored" in keys else _unmarked(value)
    if restored is MISSING and not writers:
        piece.wrong(f"it does not name the value of records that are not deleted: {{{name}: {{value: {value}, restored: …}}}}.")
    if restored == value:
        piece.wrong("deleted and restored records have the same value.")
    return Deleted((name,), value, restored)


def _unmarked(value: Any) -> Any:
    """Return the value of a record that is not deleted, where the value of a deleted one implies it; MISSING where not."""
    if value == NOW:
        return None
    if value is True or value is False:
        return not value
    return 1 - value if value in (0, 1) else MISSING


def where_of(declared: Declared) -> dict[Path, tuple[Any, ...]]:
    """Return native field → values, one of which a record must have. Raises DefinitionError."""
    found: dict[Path, tuple[Any, ...]] = {}
    for name, piece in declared.mapping():
        values = piece.value if isinstance(piece.value, list) else [piece.value]
        if any(isinstance(value, (list, Mapping)) for value in values):
            piece.wrong("this should be a value, or a list of values, one of which the record has.")
        found[tuple(name.split("."))] = tuple(values)
    return found


def has_values(record: Record, where: Mapping[Path, tuple[Any, ...]]) -> bool:
    """Return whether a record has one of the required values of each field.

    A string and a number, or a string and a boolean, are equal if the string is the written form of that value, as in a CSV cell.
    A field that a record does not have is null.
    """
    return all(_is_one_of(read(record, path), values) for path, values in where.items())


def _is_one_of(native: Any, wanted: tuple[Any, ...]) -> bool:
    if native is MISSING or native is None:
        return None in wanted
    return native in wanted or any(_spells(native, one) for one in wanted)


def _spells(one: Any, other: Any) -> bool:
    """Return whether one of two values is a string, and the written form of the other one, which has another type."""
    if isinstance(one, str) is isinstance(other, str):
        return False
    text, value = (one.strip(), other) if isinstance(one, str) else (other.strip(), one)
    if isinstance(value, bool):
        return text.lower() in _BOOLEANS[value]
    if isinstance(value, (int, float, Decimal)):
        exact = Decimal(int(value) if isinstance(value, int) else str(value))
        return text == str(value) or (_NUMBER(text) is not None and Decimal(text) == exact)
    return isinstance(value, (date, time)) and text in (value.isoformat(), str(value))


_BOOLEANS = {True: ("true", "yes", "on", "t", "y", "1"), False: ("false", "no", "off", "f", "n", "0")}
"""Boolean → the strings that are read as it, in lower case."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII).fullmatch
"""Matches a string that is a number; 010 is not one but a code."""


_NEARLY = 0.75
"""The similarity from which one of two names is probably a typing error: as vlan and vlna, unlike kind and id."""


class Filter:
    """Applies a ``where`` to records, and checks whether it fits them.

    Args:
        where: native field → values, one of which a record must have.
        place: the place of the declaration, for messages.
        free: whether records may have any fields, so that a field which no record has is not necessarily a mistake.
    """

    def __init__(self, where: Mapping[Path, tuple[Any, ...]], place: str, free: bool = False) -> None:
        self._where, self._place, self._free = where, place, free
        self._unmet: dict[Path, dict[str, None]] = {path: {} for path in where}
        self._any_seen = self._any_through = False

    def lets(self, record: Record) -> bool:
        """Return whether a record passes, and record its fields."""
        if not self._where:
            return True
        self._any_seen = True
        for path in [path for path in self._unmet if read(record, path) is not MISSING]:
            del self._unmet[path]
        for path, names in self._unmet.items():
            above = read(record, path[:-1])
            beside, way = (above, path[:-1]) if isinstance(above, Mapping) else (record, ())
            names.update(dict.fromkeys(text_of_path((*way, str(name))) for name in beside))
        passes = has_values(record, self._where)
        self._any_through = self._any_through or passes
        return passes

    def check(self) -> str:
        """Return a warning if no record passed although there are some; otherwise an empty string.

        Raises:
            DefinitionError: no record has a field of that name; if records may have any fields, only if there is a similar one.
        """
        if not self._any_seen:
            return ""
        for path, names in self._unmet.items():
            name = text_of_path(path)
            if not self._free or difflib.get_close_matches(name, names, n=1, cutoff=_NEARLY):
                Declared(None, f"{self._place}.{name}").wrong(f'no record has a field "{name}"{known(name, names)}.')
        if self._any_through:
            return ""
        wanted = ", ".join(f"{text_of_path(path)}: {' or '.join(map(str, values))}" for path, values in self._where.items())
        return f"{self._place}: there are records, but none of them has {wanted}"


def field_map(
    name: str, declared: Declared | None, nullable: bool, tables: Tables, parent: type[DSyncModel] | None = None
) -> FieldMap:
    """Return the mapping of one attribute; without a declaration the native field of the same name. Raises DefinitionError."""
    if declared is None:
        return FieldMap(name, (name,), nullable=nullable, implied=_implied(name, parent))
    if not isinstance(declared.value, Mapping):
        return FieldMap(name, path_of(declared), nullable=nullable)
    keys = dict(declared.mapping(FIELD_KEYS))
    origins = [key for key in ("from", "value", "expr", "parent") if key in keys]
    if len(origins) > 1:
        declared.wrong(f"it has both {origins[0]} and {origins[1]}; the value comes from one of them.")
    if "value" in keys or "parent" in keys:
        for key in ("lookup", "default", *(("write",) if "parent" in keys else ())):
            if key in keys:
                keys[key].wrong(f"{'a constant value' if 'value' in keys else 'a value from the parent'} cannot have this key.")
    if "parent" in keys:
        if parent is None:
            keys["parent"].wrong("the model is at the top level, so it has no parent.")
        return FieldMap(name, parent=keys["parent"].one_of(parent._identifiers), nullable=nullable)
    write_only, concealed = _write_only(keys["write_only"]) if "write_only" in keys else (False, None)
    default = keys["default"].value if "default" in keys else None if write_only and nullable else MISSING
    writes, written = _write(keys.get("write"), "value" not in keys and "expr" not in keys)
    return FieldMap(
        name,
        source=_source(name, keys),
        constant=keys["value"].value if "value" in keys else MISSING,
        expression=compiled(keys["expr"]) if "expr" in keys else None,
        lookups=tuple(_lookups(keys["lookup"], tables)) if "lookup" in keys else (),
        default=default,
        nullable=nullable,
        write=writes,
        written=written,
        write_only=write_only,
        concealed=concealed,
    )


def _write_only(declared: Declared) -> tuple[bool, str | None]:
    """Return whether a field is write-only, and what the system shows in the place of its value."""
    if isinstance(declared.value, str) and declared.value:
        return True, declared.value
    if not isinstance(declared.value, bool):
        declared.wrong(
            "this should be true, or the string that the system shows in the place of a value, "
            f'such as "$encrypted$", and is {declared.shown()}.'
        )
    return declared.value, None


def _implied(name: str, parent: type[DSyncModel] | None) -> str | None:
    """Return the parent's identifier that a field with a name like ``site_name`` holds."""
    own = [] if parent is None else parent._identifiers
    return next((one for one in own if parent is not None and name == f"{parent.get_type()}_{one}"), None)


def _source(name: str, keys: Mapping[str, Declared]) -> Path | None:
    """Return the native field that a value is read from, and written to; None if there is no such field."""
    if "value" in keys or "expr" in keys:
        written_to = keys.get("write")
        return path_of(written_to) if written_to is not None and isinstance(written_to.value, str) else None
    return path_of(keys["from"]) if "from" in keys else (name,)


def _lookups(declared: Declared, tables: Tables) -> Iterator[Lookup]:
    """Return the tables of a declaration, which is a table or a list of them."""
    if isinstance(declared.value, (list, tuple)):
        if not declared.value:
            declared.wrong("it does not name a lookup.")
        return map(tables, declared.items())
    return iter((tables(declared),))


def _write(declared: Declared | None, as_read: bool) -> tuple[Mapping[Path, Evaluate] | None, bool]:
    if declared is None:
        return None, as_read
    if declared.value is False:
        return None, False
    if isinstance(declared.value, str):
        return None, True
    return {tuple(name.split(".")): compiled(piece) for name, piece in declared.mapping()}, True


def _parent(declared: Declared, model: type[DSyncModel], parent: type[DSyncModel] | None, tables: Tables) -> ParentMap:
    if parent is None:
        declared.wrong(f'"{model.get_type()}" is at the top level, so it has no parent.')
    identifiers = parent._identifiers
    if not isinstance(declared.value, Mapping):
        if len(identifiers) > 1:
            declared.wrong(f"a {parent.get_type()} is identified by {', '.join(identifiers)}; name the field of each.")
        return ParentMap((field_map(identifiers[0], declared, False, tables),))
    if set(declared.value) == {"match"}:
        pairs = dict(declared.at("match").mapping())
        if not pairs:
            declared.at("match").wrong("it does not name a field.")
        return ParentMap(match={tuple(mine.split(".")): path_of(theirs) for mine, theirs in pairs.items()})
    pieces = dict(declared.mapping(identifiers))
    for name in identifiers:
        if name not in pieces:
            declared.wrong(f'it does not name the field for the {parent.get_type()}\'s "{name}".')
    return ParentMap(tuple(field_map(name, pieces[name], False, tables) for name in identifiers))


def _by_name(model: type[DSyncModel], parent: type[DSyncModel] | None, fields: Mapping[str, FieldMap]) -> ParentMap | None:
    """Return how a child finds its parent whose identifiers it has as ``site_name`` for the name of a site; None if it has not."""
    names = [] if parent is None else [f"{parent.get_type()}_{name}" for name in parent._identifiers]
    if not names or not all(name in fields and fields[name].parent is None for name in names):
        return None
    return ParentMap(tuple(fields[name] for name in names), by_name=True)


def by_reference(mapped: ModelMap, parent: ModelMap) -> ParentMap | None:
    """Return how a child finds its parent that refers to it: by its one identifier that does, or else by a field that has the name
    of the parent's model; None if it has neither.

    Args:
        mapped: the child's model.
        parent: the model of its parents.
    """
    referring = [name for name, models in mapped.model._references.items() if models in (parent.name, (parent.name,))]
    found = [name for name in referring if name in mapped.model._identifiers] or [name for name in referring if name == parent.name]
    return ParentMap(reference=mapped.fields[found[0]]) if len(found) == 1 else None


def plain_value(value: Any, keeps: tuple[type[Any], ...] = ()) -> Any:
    """Return a value as records hold it (:func:`.plain_json.natural`), a secret in clear.

    Args:
        value: an attribute's value; not changed.
        keeps: other types that the records of an adapter can hold.

    Raises:
        RecordProblem: it is, or holds, bytes that are no text.
    """
    if value.__class__ in _KEPT:
        return value
    try:
        return natural(value, keeps)
    except Unwritable as error:
        raise RecordProblem(str(error)) from None


_KEPT = (str, int, float, bool, type(None))
