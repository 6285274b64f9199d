# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of models that are declared in data, in a task or a YAML file, to model classes.

::

    models:
      device:
        identifiers: [name]                     # strings; or {vid: int, mac: {type: str, compare: mac}}
        attributes:
          role: str                             # a type
          status: [active, planned]             # one of these values
          mtu: {type: int, default: 1500}       # a type and more
          tags: {type: "list[str]", compare: unordered}
          site: {ref: site}                     # the unique id of another object
          address: {ref: address, type: str | None}
        children: [interface]
    top_level: [device]
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..exceptions import DeclarationError, DefinitionError
from ..flags import DSyncAction, DSyncModelFlags
from ..model.comparison import COMPARISONS, UNORDERED
from ..model.model import DSyncModel
from ..model.values import allows_none, leaf_types
from .declaration_reader import Declared
from .reference_spelling import ReferenceSpelling, has_spellings
from .types import annotation_of, choice, comparing, empty_is_null, fitting, lenient, or_none, zoned

MODEL_KEYS = ("identifiers", "shortname", "attributes", "children", "unique", "match", "protected", "flags", "description")
ATTRIBUTE_KEYS = (
    "type", "ref", "default", "empty", "compare", "tolerance", "timezone", "read_only", "sensitive", "description",
)  # fmt: skip
IDENTIFIER_KEYS = ("type", "ref", "compare")
_EQUAL, _NOT_COMPARED = "equal", ("ignored", "create_only")

_CHILDREN = "{}_ids"
"""The field that lists the ids of children of a model."""


@dataclass(frozen=True)
class DataModel:
    """The models of a task.

    Attributes:
        models: name → class, parents before their children.
        top_level: names of the root models.
        parents: name of a model → name of its parent model; without top-level models.
        declared: name → its declaration.
    """

    models: Mapping[str, type[DSyncModel]]
    top_level: tuple[str, ...]
    parents: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict, repr=False)


def data_model(models: Any, top_level: Any = None, base: type[DSyncModel] = DSyncModel) -> DataModel:
    """Return the model classes of a declaration.

    Args:
        models: model's name → its declaration; see above. Not changed.
        top_level: names of the root models; None for all that are not children of another model.
        base: the class that they all inherit from.

    Raises:
        DefinitionError: a declaration is wrong; the message names the place.
    """
    declared = dict(Declared(models, "models").mapping())
    if not declared:
        Declared(models, "models").wrong("no model is declared.")
    classes: dict[str, type[DSyncModel]] = {}
    classes.update((name, _class(name, model, declared, base, classes)) for name, model in declared.items())
    parents = _parents(declared)
    first = _top_level(Declared(top_level, "top_level"), declared, parents)
    ordered = {name: classes[name] for name in _downwards(first, declared)}
    return DataModel(ordered, first, parents, {name: model.value for name, model in declared.items()})


def _parents(declared: Mapping[str, Declared]) -> dict[str, str]:
    parents: dict[str, str] = {}
    for name, model in declared.items():
        for child in _children(model, declared):
            if child in parents:
                model.at("children").wrong(
                    f'"{child}" is a child of "{parents[child]}" already; a model can have only one parent model.'
                )
            parents[child] = name
    return parents


def _children(model: Declared, declared: Mapping[str, Declared]) -> list[str]:
    if not model.has("children"):
        return []
    children = model.at("children")
    for name, item in zip(children.names(), children.items()):
        item.one_of(declared)
        if name == model.place.rpartition(".")[2]:
            item.wrong(f'a "{name}" cannot be the child of a "{name}" here.')
    return children.names()


def _top_level(given: Declared, declared: Mapping[str, Declared], parents: Mapping[str, str]) -> tuple[str, ...]:
    free = tuple(name for name in declared if name not in parents)
    if given.value is None:
        if not free:
            Declared(None, "models").wrong("every model is a child of another one, so there is no root model.")
        return free
    for item in given.items():
        name = item.one_of(declared)
        if name in parents:
            item.wrong(f'"{name}" is a child of "{parents[name]}", so it cannot be a root model.')
    left = [name for name in free if name not in given.names()]
    if left:
        given.wrong(f'"{left[0]}" is neither listed here nor a child of another model, so it would never be compared.')
    return tuple(given.names())


def _downwards(first: tuple[str, ...], declared: Mapping[str, Declared]) -> list[str]:
    found: list[str] = []
    waiting = list(first)
    while waiting:
        name = waiting.pop(0)
        found.append(name)
        waiting += _children(declared[name], declared)
    lost = [name for name in declared if name not in found]
    if lost:
        declared[lost[0]].wrong(f"it is its own ancestor: {', '.join(lost)} are nested in a cycle.")
    return found


# ---------------------------------------------------------------------- one model


class _Attributes:
    """The fields of a model's attributes, and their declared properties."""

    def __init__(self, classes: Mapping[str, type[DSyncModel]]) -> None:
        self.classes = classes
        self.fields: dict[str, Any] = {}
        self.compared: list[str] = []
        self.create_only: list[str] = []
        self.read_only: list[str] = []
        self.sensitive: list[str] = []
        self.references: dict[str, tuple[str, ...]] = {}

    def add(self, name: str, declared: Declared, models: Mapping[str, Declared]) -> None:
        if not isinstance(declared.value, Mapping):
            self.fields[name] = (lenient(_type(declared)), ...)
            self.compared.append(name)
            return
        keys = dict(declared.mapping(ATTRIBUTE_KEYS))
        annotation = _typed(declared, keys, models)
        if "ref" in keys:
            self.references[name] = _referred(keys["ref"], models)
            annotation = _spelled(annotation, self.references[name], models, self.classes)
        compare, comparisons = _comparison(keys, _NOT_COMPARED)
        read_only = "read_only" in keys and keys["read_only"].truth()
        for group, belongs in (
            (self.read_only, read_only),
            (self.create_only, compare == "create_only"),
            (self.compared, compare != "ignored"),
            (self.sensitive, "sensitive" in keys and keys["sensitive"].truth()),
        ):
            if belongs:
                group.append(name)
        if read_only and compare in ("create_only", "ignored"):
            declared.wrong(f"it cannot be both read_only and compare: {compare}.")
        has_default = "default" in keys
        if not has_default and (read_only or compare == "ignored"):
            annotation = or_none(annotation)
        annotation = _compared(annotation, comparisons, keys)
        default: Any = None if read_only or compare == "ignored" else ...
        if name in self.references and compare == "ignored":
            declared.wrong("it cannot be both ref and compare: ignored.")
        if has_default:
            default = _default(lenient(annotation), keys["default"])
        annotation = lenient(annotation)
        self.fields[name] = (_empty_as_null(annotation, keys["empty"]) if "empty" in keys else annotation, default)


def _empty_as_null(annotation: Any, declared: Declared) -> Any:
    """Return the annotation of an attribute in which an empty string is null."""
    if declared.value is not None:
        declared.wrong(f"null is the only value that an empty string can represent, and this is {declared.shown()}.")
    if not allows_none(annotation):
        declared.wrong('an empty string becomes null, so the type has to allow null, as in "str | None".')
    return empty_is_null(annotation)


def _default(annotation: Any, declared: Declared) -> Any:
    try:
        return fitting(annotation, declared.value)
    except DefinitionError as error:
        declared.wrong(str(error))


def _comparison(keys: Mapping[str, Declared], others: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Return the value of ``compare``: a keyword that is not a comparison, or "equal", and the named comparisons. It is a
    string, or a list of comparisons that are combined."""
    if "compare" not in keys:
        return _EQUAL, []
    declared = keys["compare"]
    if isinstance(declared.value, (list, tuple)):
        for item in declared.items():
            item.one_of(COMPARISONS)
        return _EQUAL, declared.names()
    said = declared.one_of((_EQUAL, *COMPARISONS, *others))
    return (_EQUAL, [said]) if said in COMPARISONS else (said, [])


def _compared(annotation: Any, comparisons: Sequence[str], keys: Mapping[str, Declared]) -> Any:
    tolerance = None
    if "tolerance" in keys:
        tolerance = keys["tolerance"].value
        if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or tolerance < 0:
            keys["tolerance"].wrong(f"this should be a number of 0 or more, and is {keys['tolerance'].shown()}.")
    if "timezone" in keys:
        try:
            annotation = zoned(annotation, keys["timezone"].text())
        except DefinitionError as error:
            keys["timezone"].wrong(str(error))
    try:
        return comparing(annotation, comparisons, tolerance)
    except DefinitionError as error:
        (keys.get("compare") if tolerance is None else keys["tolerance"]).wrong(str(error))  # type: ignore[union-attr]  # it is there


def _typed(declared: Declared, keys: Mapping[str, Declared], models: Mapping[str, Declared]) -> Any:
    """Return the annotation of a field that a dict describes. A reference without a type has the type of the identifier that it
    refers to, and compares like it."""
    if "type" in keys:
        return _type(keys["type"])
    if "ref" not in keys:
        declared.wrong('it has no type; add "type: str", for example.')
    others = _referred(keys["ref"], models)
    identifiers = models[others[0]].at("identifiers")
    if len(others) > 1 or not isinstance(identifiers.value, Mapping) or len(identifiers.value) > 1:
        return str
    _name, single = next(iter(identifiers.mapping()))
    if not isinstance(single.value, Mapping):
        return _type(single)
    annotation, own = _type(single.at("type")) if single.has("type") else str, dict(single.mapping(IDENTIFIER_KEYS))
    return annotation if "compare" in keys else _compared(annotation, _comparison(own)[1], own)


def _spelled(
    annotation: Any, others: Sequence[str], models: Mapping[str, Declared], classes: Mapping[str, type[DSyncModel]]
) -> Any:
    """Return the annotation of references, which have the spelling of the ids to which they refer."""
    identifiers = models[others[0]].at("identifiers")
    if len(others) > 1 or not isinstance(identifiers.value, Mapping) or str not in leaf_types(annotation):
        return annotation
    pieces = [piece.at("type") if isinstance(piece.value, Mapping) else piece for _name, piece in identifiers.mapping()]
    is_typed = any(has_spellings(_type(piece)) for piece in pieces if piece.value is not None)
    return Annotated[annotation, ReferenceSpelling(others[0], classes)] if is_typed else annotation


def _referred(declared: Declared, models: Mapping[str, Declared]) -> tuple[str, ...]:
    if isinstance(declared.value, str):
        declared.one_of(models)
        return (declared.value,)
    for item in declared.items():
        item.one_of(models)
    if not declared.value:
        declared.wrong("this should be the name of a model, or a list of such names.")
    return tuple(declared.names())


def _type(declared: Declared) -> Any:
    if isinstance(declared.value, (list, tuple)):
        for item in declared.items():
            if not isinstance(item.value, (str, int)) or isinstance(item.value, bool):
                item.wrong(f"a choice must be a string or a whole number, not {item.shown()}; put it in quotation marks.")
        values = [item.value for item in declared.items()]
        if not values or len(set(map(str, values))) < len(values):
            declared.wrong("a list of choices needs at least one value, and no value twice.")
        return choice(values)
    if not isinstance(declared.value, str):
        declared.wrong(f'a type is a string such as "str", or a list of choices, not {declared.shown()}.')
    try:
        return annotation_of(declared.value)
    except DefinitionError as error:
        declared.wrong(str(error))


def _class(
    name: str,
    model: Declared,
    declared: Mapping[str, Declared],
    base: type[DSyncModel],
    classes: Mapping[str, type[DSyncModel]],
) -> type[DSyncModel]:
    if not name.isidentifier() or name.startswith("_"):
        model.wrong(f'"{name}" cannot be the name of a model: use only letters, digits and underscores, as in a variable.')
    dict(model.mapping(MODEL_KEYS))
    attributes = _Attributes(classes)
    identifiers = _identifiers(model, declared, attributes.references, classes)
    for attribute, piece in _attributes_of(model):
        _check_name(attribute, piece)
        if attribute in identifiers:
            piece.wrong(f'"{attribute}" is an identifier already; it cannot be an attribute as well.')
        attributes.add(attribute, piece, declared)
    children = {child: _CHILDREN.format(child) for child in _children(model, declared)}
    fields = {**identifiers, **attributes.fields, **{listing: (list[str], []) for listing in children.values()}}
    settings: dict[str, Any] = {
        "_modelname": name,
        "_identifiers": tuple(identifiers),
        "_attributes": tuple(attributes.compared),
        "_shortname": _shortname(model, identifiers),
        "_children": children,
        "_sensitive": tuple(attributes.sensitive),
        "_create_only": tuple(attributes.create_only),
        "_read_only": tuple(attributes.read_only),
        "_references": attributes.references,
        "_unique": _groups(model, "unique", [*identifiers, *attributes.compared]),
        "_match": _groups(model, "match", [*identifiers, *attributes.compared]),
        "_protected": _choices(model, "protected", tuple(DSyncAction)),
        "__doc__": str(model.at("description").value or ""),
    }
    flags = _flags(model)
    if flags:
        settings["model_flags"] = flags
    annotations = {field: annotation for field, (annotation, _default) in fields.items()}
    defaults = {field: default for field, (_annotation, default) in fields.items() if default is not ...}
    try:
        return derived(name, base, annotations, {**settings, **defaults})
    except DeclarationError as error:
        model.wrong(f"{error}.")
    except (TypeError, ValueError, NameError) as error:  # pydantic's own objections to a name or a default
        model.wrong(f"{' '.join(str(error).split())}.")


def derived(name: str, base: type[DSyncModel], annotations: Mapping[str, Any], settings: Mapping[str, Any]) -> type[DSyncModel]:
    """Return a new subclass of a model, with more fields and class attributes."""
    space = {"__module__": __name__, **settings, "__annotations__": dict(annotations)}
    made: type[DSyncModel] = types.new_class(name, (base,), exec_body=lambda namespace: namespace.update(space))
    return made


def _attributes_of(model: Declared) -> Iterator[tuple[str, Declared]]:
    """Return the names and declarations of attributes. Raises DefinitionError."""
    attributes = model.at("attributes")
    if isinstance(attributes.value, (list, tuple)):
        attributes.wrong("this should be a dictionary of names and types, such as {role: str}, and is a list.")
    return attributes.mapping() if model.has("attributes") else iter(())


def _check_name(name: str, piece: Declared) -> None:
    if not name.isidentifier() or name.startswith("_"):
        piece.wrong(f'"{name}" cannot be the name of an attribute: use only letters, digits and underscores, as in a variable.')
    if hasattr(DSyncModel, name) or name in DSyncModel.__annotations__:
        piece.wrong(
            f'an attribute cannot be called "{name}", every model has a method or setting with that name; map it to another name.'
        )


def _identifiers(
    model: Declared,
    models: Mapping[str, Declared],
    references: dict[str, tuple[str, ...]],
    classes: Mapping[str, type[DSyncModel]],
) -> dict[str, Any]:
    """Return the fields of a model's identifiers, and add those that refer to other objects to ``references``."""
    given = model.at("identifiers")
    if not given.value:
        model.wrong('it has no identifiers; add "identifiers: [name]", for example.')
    if not isinstance(given.value, Mapping):
        for item in given.items():
            _check_name(item.text(), item)
        return {name: (lenient(str), ...) for name in given.names()}
    fields = {}
    for name, piece in given.mapping():
        _check_name(name, piece)
        if isinstance(piece.value, Mapping):
            keys = dict(piece.mapping(IDENTIFIER_KEYS))
            annotation = _typed(piece, keys, models)
            if "ref" in keys:
                references[name] = _referred(keys["ref"], models)
                annotation = _spelled(annotation, references[name], models, classes)
            _word, comparisons = _comparison(keys)
            if UNORDERED in comparisons:
                keys["compare"].wrong("an identifier cannot be unordered, because an id is one string.")
            annotation = _compared(annotation, comparisons, keys)
            piece = keys.get("type", piece)
        else:
            annotation = _type(piece)
        if piece.value in ("any", "secret") or str(piece.value).startswith(("list", "set", "dict")):
            piece.wrong(f'an identifier cannot be of type "{piece.value}".')
        fields[name] = (lenient(annotation), ...)
    return fields


def _groups(model: Declared, key: str, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of fields under a key of a model: each item is a name, or a list of names."""
    if not model.has(key):
        return ()
    groups = []
    for item in model.at(key).items():
        several = isinstance(item.value, (list, tuple))
        for one in item.items() if several else [item]:
            one.one_of(names)
        groups.append(tuple(item.names()) if several else (item.text(),))
    return tuple(groups)


def _shortname(model: Declared, identifiers: Mapping[str, Any]) -> tuple[str, ...]:
    if not model.has("shortname"):
        return ()
    for item in model.at("shortname").items():
        item.one_of(identifiers)
    return tuple(model.at("shortname").names())


def _choices(model: Declared, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    if not model.has(key):
        return ()
    for item in model.at(key).items():
        item.one_of(allowed)
    return tuple(model.at(key).names())


def _flags(model: Declared) -> DSyncModelFlags:
    names = _choices(model, "flags", tuple(flag.name.lower() for flag in _all_flags()))
    flags = DSyncModelFlags.NONE
    for name in names:
        flags |= DSyncModelFlags[name.upper()]
    return flags


def _all_flags() -> Iterator[Any]:
    return (flag for flag in DSyncModelFlags.__members__.values() if flag)
