# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Presets: what is known of a system behind ``rest`` as data, in a YAML file such as those in :mod:`.presets`.

A preset declares models, where their records are, how they are mapped, and how one logs in and reads pages, but never an address
or a secret. ``<name>`` in a string of ``options``, ``mapping`` or ``lookups`` is replaced with a variable of the preset.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin
from urllib.parse import quote

from ..._util.pydantic import BaseModel, ConfigDict, Field, ValidationError
from ..._util.suggestions import known
from ...exceptions import DefinitionError
from ...records.declaration_reader import Declared
from ...records.definition import data_model
from ..core.base import RecordModel
from ..core.options import Options, Text
from .adapter import RestAdapter
from .endpoint import endpoint_of
from .options import RestOptions

_VARIABLE = re.compile(r"<([A-Za-z_]\w*)>")
_NAME = re.compile(r"[a-z][a-z0-9_]*").fullmatch


def _preset_options() -> type[Options]:
    """Return the model of the options that a preset can set: those of the adapter without the address and the secrets."""
    fields = {name: one for name, one in RestOptions.fields().items() if name != "base_url" and one.repr}
    space = {
        "__module__": __name__,
        "__doc__": "Options of the adapter `rest`, without the address and the secrets.",
        "__annotations__": {name: one.rebuild_annotation() for name, one in fields.items()},
        **fields,
    }
    made: type[Options] = types.new_class("PresetOptions", (Options,), exec_body=lambda namespace: namespace.update(space))
    return made


PresetOptions = _preset_options()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Requirement(_Part):
    """An option or a secret that the task gives."""

    description: Text = Field(description="What it is, and where the system shows it.")
    example: Text | None = Field(None, description="Its value in the documentation.")


class Variable(_Part):
    """A value that replaces `<name>` in the strings of `options`, `mapping` and `lookups`."""

    description: Text = Field(description="What it is.")
    default: Text | None = Field(None, description="Its value where the task gives none. Without a default the task has to.")


class ModelDeclaration(_Part):
    """A model, as in the option `models` of a task."""

    description: str | None = Field(None, description="What its objects are.")
    identifiers: Any = Field(description="The fields that identify an object.")
    attributes: dict[str, Any] = Field({}, description="Attribute to its type, or to a dictionary.")
    children: list[Text] = Field([], description="Names of the models below it.")
    shortname: list[Text] = Field([], description="The identifiers that identify an object among its siblings.")
    unique: list[Any] = Field([], description="Fields whose values are unique.")
    match: list[Any] = Field([], description="Fields by which a renamed object is recognized.")
    protected: list[Text] = Field([], description="Actions that are shown but never applied.")
    flags: list[Text] = Field([], description="Flags of the model.")


class MappingDeclaration(_Part):
    """How records become objects of a model, as in the option `mapping` of a dataset."""

    place: Any = Field(None, alias="from", description="Where the records are. Defaults to the endpoint that has the model's name.")
    key: Any = Field(None, description="The field for the key of a record in a dictionary.")
    where: dict[str, Any] = Field({}, description="Only records with these values.")
    keep: Text | None = Field(None, description="Only records for which this expression is true.")
    drop: Text | None = Field(None, description="Only records for which this expression is false.")
    fields_: dict[str, Any] = Field({}, alias="fields", description="Attribute to native field, or to a dictionary.")
    parent: Any = Field(None, description="How an object finds its parent.")


class Preset(_Part):
    """A system behind the adapter `rest` of dsync.core, as data."""

    title: Text | None = Field(None, description="The name of the system.")
    description: Text | None = Field(None, description="What of the system it reads and writes, in sentences.")
    documentation: Text | None = Field(None, description="Address of the vendor's description of the API.")
    tested: Text | None = Field(None, description="The server that it is tested with. Without it, it is tested with a fake one.")
    notes: list[Text] = Field([], description="What a user has to know, a sentence or more each.")
    requires: dict[str, Requirement] = Field({}, description="Option of the adapter that the task gives to what it is.")
    variables: dict[str, Variable] = Field({}, description="Name of a variable to what it is.")
    options: PresetOptions = Field({}, description="Options of the adapter.")  # type: ignore[valid-type]  # made above
    models: dict[str, ModelDeclaration] = Field(description="Name of a model to its declaration.")
    top_level: list[Text] | None = Field(None, description="Root models, in processing order.")
    mapping: dict[str, MappingDeclaration] = Field({}, description="Name of a model to how its records become objects.")
    lookups: dict[str, Any] = Field({}, description="Tables by which the mapping translates values.")
    sample: dict[str, list[dict[str, Any]]] = Field({}, description="Name of a model to objects, for the documentation.")


@dataclass(frozen=True)
class Declarations:
    """What a preset declares, as plain data.

    Attributes:
        name: the preset's name in messages.
        requires: option that the task gives → what it is.
        models: name of a model → its declaration.
        top_level: the root models; None for all that are not children of another model.
        mapping: name of a model → its mapping.
        lookups: name → table.
        options: option of the adapter → its value.
    """

    name: str
    requires: Mapping[str, str]
    models: Mapping[str, Any]
    top_level: Sequence[str] | None
    mapping: Mapping[str, Any]
    lookups: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


def read_preset(name: str, content: Any, variables: Mapping[str, Any]) -> Declarations:
    """Return what a preset declares.

    Args:
        name: of the preset, or of its file, in messages.
        content: the content of the file; not changed.
        variables: values of the preset's variables, by name.

    Raises:
        DefinitionError: the preset or a variable is wrong; one sentence that names the preset and the place in it.
    """
    try:
        preset = _checked(content)
        values = _values(preset, variables)
        data = {part: _replaced(Declared(content.get(part) or {}, part), values) for part in ("options", "mapping", "lookups")}
        _check_declarations(content, data)
    except DefinitionError as error:
        raise DefinitionError(f"preset {name}: {error}") from None
    requires = {option: one.description for option, one in preset.requires.items()}
    options = {"introspect": False, **data["options"]}
    return Declarations(name, requires, content["models"], content.get("top_level"), data["mapping"], data["lookups"], options)


def _checked(content: Any) -> Preset:
    """Return a preset. Raises DefinitionError with the first error."""
    whole = Declared(content, "")
    if not isinstance(content, Mapping):
        raise DefinitionError(f"this should be a dictionary, and is {whole.shown()}.")
    if isinstance(content.get("options"), Mapping):
        PresetOptions.read(content["options"], RestAdapter.type)
    try:
        return Preset.model_validate(content)
    except ValidationError as error:
        raise _problem(whole, [dict(one) for one in error.errors(include_url=False)]) from None


def _problem(whole: Declared, errors: Sequence[Mapping[str, Any]]) -> DefinitionError:
    """Return what to raise for errors of pydantic's: one sentence about the first of them, that of an unknown key before others."""
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    *above, last = first["loc"]
    place = whole
    for name in above:
        place = place.at(name)
    prefix = f"{place.place}: " if place.place else ""
    if first["type"] == "extra_forbidden":
        return DefinitionError(f'{prefix}there is no key "{last}" here{known(last, _keys(above))}.')
    if first["type"] == "missing":
        return DefinitionError(f'{prefix}it has no "{last}"; add it.')
    piece = place.at(last)
    kind = _KINDS.get(first["type"].removesuffix("_type").removesuffix("_too_short"), "")
    return DefinitionError(f"{piece.place}: " + (f"this should be {kind}, and is {piece.shown()}." if kind else f"{first['msg']}."))


_KINDS = {
    "string": "a string",
    "dict": "a dictionary",
    "model": "a dictionary",
    "mapping": "a dictionary",
    "list": "a list",
    "bool": "true or false",
}
"""Kind of pydantic's errors about a type → the type in words."""


def _keys(way: Sequence[Any]) -> list[str]:
    """Return the keys that there are at a place of a preset."""
    there: Any = Preset
    for name in way:
        if get_origin(there) in (dict, list):
            there = get_args(there)[-1]
        elif _is_part(there):
            there = next((one.annotation for key, one in there.model_fields.items() if name in (key, one.alias)), Any)
    return [one.alias or key for key, one in there.model_fields.items()] if _is_part(there) else []


def _is_part(annotation: Any) -> bool:
    """Return whether an annotation is a model; that of a dictionary counts as a class on Python 3.10."""
    return get_origin(annotation) is None and isinstance(annotation, type) and issubclass(annotation, BaseModel)


# ---------------------------------------------------------------------- variables


def _values(preset: Preset, given: Mapping[str, Any]) -> dict[str, str]:
    """Return name of each variable → its value. Raises DefinitionError."""
    for name in preset.variables:
        if not _NAME(name):
            Declared(None, f"variables.{name}").wrong("the name of a variable has only small letters, digits and underscores.")
    for name in given:
        if name not in preset.variables:
            raise DefinitionError(f'it has no variable "{name}"{known(name, preset.variables)}.')
    found = {}
    for name, one in preset.variables.items():
        value = given.get(name, one.default)
        if value is None:
            raise DefinitionError(f"it needs the variable {name} ({one.description.rstrip('.')}); add it to the preset's name.")
        if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
            Declared(value, name).wrong(f"the value of a variable is a string, and this is {Declared(value, name).shown()}.")
        found[name] = str(value)
    return found


def _replaced(declared: Declared, values: Mapping[str, str]) -> Any:
    """Return a piece of a preset with variables replaced by their values, percent-encoded in paths."""
    value = declared.value
    if isinstance(value, Mapping):
        return {name: _replaced(declared.at(name), values) for name in value}
    if isinstance(value, list):
        return [_replaced(declared.at(place), values) for place in range(len(value))]
    if not isinstance(value, str):
        return value

    def replacement(found: re.Match[str]) -> str:
        if found[1] not in values:
            declared.wrong(f'there is no variable "{found[1]}"{known(found[1], values)}.')
        return quote(values[found[1]], safe="") if value.startswith("/") else values[found[1]]

    return _VARIABLE.sub(replacement, value)


# ---------------------------------------------------------------------- declarations


def _check_declarations(content: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Raise DefinitionError where models, mapping, lookups or endpoints are wrong."""
    models = data_model(content["models"], content.get("top_level"), base=RecordModel)
    Declared(data["mapping"], "mapping").mapping(models.models)
    RestAdapter.bound(models, data["mapping"], data["lookups"])
    options = data["options"]
    pages, update = Declared(options.get("pagination"), "options.pagination"), options.get("update_method", "patch").upper()
    endpoints = Declared(options.get("endpoints") or {}, "options.endpoints")
    for _name, described in endpoints.mapping():
        endpoint_of(described, update, pages)
    for name in models.models:
        if not endpoints.has(name) and not (data["mapping"].get(name) or {}).get("from"):
            endpoints.wrong(f"it does not say where the records of a {name} are; add {name}: /api/{name}s.")


# ---------------------------------------------------------------------- a task


def merged(base: Any, over: Any) -> Any:
    """Return a declaration with another one laid over it: dictionaries are merged key by key, null removes a key that the first one
    has, and anything else replaces what is there. Neither is changed."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    kept = {name: value for name, value in base.items() if name not in over}
    laid = {name: merged(base.get(name), value) for name, value in over.items() if value is not None or name not in base}
    return {**kept, **laid}


def narrowed(models: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the declarations of some models and of those above them, without references to others.

    A model that loses a child model is protected from deletes, because these would delete objects that nobody looked at.

    Args:
        models: name → declaration; not changed.
        names: the models to keep.
    """
    parents = {child: name for name, one in models.items() for child in one.get("children") or ()}
    kept = set()
    above: list[str] = list(names)
    while above:
        name = above.pop()
        kept.add(name)
        above += [parents[name]] if name in parents else []
    return {name: dict(_narrowed(one, kept)) for name, one in models.items() if name in kept}


def _narrowed(model: Mapping[str, Any], kept: set[str]) -> Iterator[tuple[str, Any]]:
    lost = [child for child in model.get("children") or () if child not in kept]
    for key, value in model.items():
        if key == "children":
            yield key, [child for child in value if child in kept]
        elif key in ("attributes", "identifiers") and isinstance(value, Mapping):
            yield key, {name: _without_reference(one, kept) for name, one in value.items()}
        elif key != "protected" or not lost:
            yield key, value
    if lost:
        yield "protected", list(dict.fromkeys([*(model.get("protected") or ()), "delete"]))


def _without_reference(declared: Any, kept: set[str]) -> Any:
    """Return the declaration of a field, without a reference to models that are not kept."""
    referred = declared.get("ref") if isinstance(declared, Mapping) else None
    others = [referred] if isinstance(referred, str) else referred or []
    if all(other in kept for other in others):
        return declared
    return {"type": "str", **{key: value for key, value in declared.items() if key != "ref"}}
