# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a declared mapping; :mod:`.mapping` has an example of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..model.model import DSyncModel
from ..model.values import allows_none
from .declaration_reader import Declared
from .expression import Evaluate, compiled
from .filters import where_of
from .lookups import Lookup, Tables
from .mapping import NOW, Deleted, FieldMap, ModelMap, ParentMap
from .path import MISSING, Path, path_of

MODEL_KEYS = ("from", "key", "where", "deleted", "keep", "drop", "fields", "parent")
DELETED_KEYS = ("value", "restored")
FIELD_KEYS = ("from", "value", "expr", "parent", "lookup", "default", "write", "write_only")


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
