# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of model classes to declarations for a task or a YAML file, so that a dataset of any adapter can be exported."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

from .._util.plain_json import displayed
from ..dataset.dataset import Dataset
from ..dataset.tree import parents_of
from ..model.comparison import COMPARISONS
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..model.values import members_of
from .types import CONTAINERS, SCALARS

ANY = "any"
"""The type for everything that no other type describes."""

_BASES = (bool, int, float, str)
"""Types whose subclasses are declared like themselves."""


@dataclass(frozen=True)
class Description:
    """The models of a dataset as plain data.

    Attributes:
        models: model's name → declaration, without the omitted attributes.
        top_level: names of the root models.
        mapping: model's name → how a record finds its parent.
        left_out: model's name → names of its sensitive and read-only attributes, which are omitted.
    """

    models: dict[str, Any]
    top_level: list[str]
    mapping: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)


def describe(dataset: Dataset) -> Description:
    """Return the models of a dataset as plain data, from which :func:`.definition.data_model` creates classes of records.

    Existing declarations are kept. Sensitive attributes are omitted because the records are not encrypted, and read-only
    ones because they cannot be written.

    Args:
        dataset: the loaded dataset; not changed. Its objects show which field of a child names its parent.
    """
    classes = dataset.models()
    left_out = {name: _left_out(model) for name, model in classes.items()}
    models = declarations(dataset, left_out)
    children = {child for model in classes.values() for child in model._children}
    return Description(
        models,
        [name for name in classes if name not in children],
        _mapping(dataset, left_out),
        {name: names for name, names in left_out.items() if names},
    )


def declarations(dataset: Dataset, left_out: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Return model's name → declaration.

    Args:
        dataset: its models are described, and their existing declarations kept; not changed.
        left_out: model's name → names of attributes to omit.
    """
    classes = dataset.models()
    declared = getattr(getattr(dataset, "data_model", None), "declared", {})
    models = {}
    for name, model in classes.items():
        made, omitted = dict(declared[name]) if name in declared else _declaration(model, classes), left_out.get(name, ())
        attributes = {key: value for key, value in (made.get("attributes") or {}).items() if key not in omitted}
        models[name] = {**made, "attributes": attributes}
        for key in made.keys() & {"match", "unique"}:
            models[name][key] = [
                group for group in made[key] if {*omitted}.isdisjoint([group] if isinstance(group, str) else group)
            ]
    return models


def _left_out(model: type[DSyncModel]) -> list[str]:
    return [name for name in model._attributes if name in model.get_sensitive_fields() or name in model._read_only]


def _declaration(model: type[DSyncModel], classes: Mapping[str, Any]) -> dict[str, Any]:
    identifiers = {name: _identifier(model, name, classes) for name in model._identifiers}
    made: dict[str, Any] = {
        "identifiers": list(identifiers) if all(kind == "str" for kind in identifiers.values()) else identifiers,
        "attributes": {name: _attribute(model, name, classes) for name in model._attributes},
    }
    if model._shortname:
        made["shortname"] = list(model._shortname)
    if model._children:
        made["children"] = list(model._children)
    for key, groups in (("match", model._match), ("unique", model._unique)):
        if groups:
            made[key] = [group if isinstance(group, str) else list(group) for group in groups]
    return made


def _identifier(model: type[DSyncModel], name: str, classes: Mapping[str, Any]) -> Any:
    found = _type_of(model, name)
    kept = found if isinstance(found, list) or found.partition("[")[0] not in (ANY, *CONTAINERS) else "str"
    more = _more(model, name, classes)
    return {"type": kept, **more} if more else kept


def _attribute(model: type[DSyncModel], name: str, classes: Mapping[str, Any]) -> Any:
    more = _more(model, name, classes)
    if name in model._create_only:
        more["compare"] = "create_only"
    return {"type": _type_of(model, name), **more} if more else _type_of(model, name)


def _more(model: type[DSyncModel], name: str, classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return to what a field refers, and how it compares, if that is declared."""
    more: dict[str, Any] = {}
    references = [other for other in model._references.get(name, ()) if other in classes]
    if references:
        more["ref"] = references
    comparison = model._declaration.comparisons.get(name)
    if comparison is not None and comparison.names and {*comparison.names} <= {*COMPARISONS}:
        more["compare"] = list(comparison.names)
    return more


def _type_of(model: type[DSyncModel], name: str) -> Any:
    known = model.model_fields.get(name)
    return ANY if known is None else type_of(known.annotation)


def type_of(annotation: Any) -> Any:
    """Return the declared type that is closest to an annotation: a string such as ``list[int]``, or a list of choices."""
    members = list(dict.fromkeys(members_of(annotation)))
    kinds = [kind for kind in members if kind not in (None, type(None))]
    ending = " | None" if len(kinds) < len(members) else ""
    values = _choice(kinds[0]) if len(kinds) == 1 else None
    if values is not None and not ending:
        return values
    if values is not None:
        return f"{'str' if all(isinstance(value, str) for value in values) else ANY}{ending}"
    for name, known in SCALARS.items():
        if set(members_of(known)) == set(kinds):
            return name if name == ANY else f"{name}{ending}"
    texts = dict.fromkeys(map(_kind, kinds))
    return ANY if ANY in texts or not texts else " | ".join(texts) + ending


def _choice(kind: Any) -> list[Any] | None:
    """Return the choices of a type that is restricted to certain strings and integers; None for any other type."""
    values: list[Any] = []
    if get_origin(kind) is Literal:
        values = list(get_args(kind))
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        values = [member.value for member in kind]
    simple = all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in values)
    return values if values and simple else None


def _kind(kind: Any) -> str:
    origin = get_origin(kind)
    for name, (container, number) in CONTAINERS.items():
        if origin is container and len(get_args(kind)) == number:
            inner = [type_of(one) for one in get_args(kind)]
            texts = [one if isinstance(one, str) else _kind_of(one) for one in inner]
            return ANY if name != "list" and texts[0].partition("[")[0] == ANY else f"{name}[{', '.join(texts)}]"
    for name, known in SCALARS.items():
        if known is kind:
            return name
    base = next((base for base in _BASES if isinstance(kind, type) and issubclass(kind, base)), None)
    return ANY if base is None or issubclass(kind, enum.Enum) else base.__name__


def _kind_of(values: Iterable[Any]) -> str:
    return "str" if all(isinstance(value, str) for value in values) else "any"


# ---------------------------------------------------------------------- parents


def _mapping(dataset: Dataset, left_out: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return how records find their parents: by an existing field with the value, or by a new one."""
    classes = dataset.models()
    parents = parents_of(dataset, classes)
    found = {}
    for name, model in classes.items():
        for child in model._children:
            pairs = [
                (dataset.store.find(*ref), dataset.store.find(*above))
                for ref, above in parents.items()
                if ref.model == child and above.model == name
            ]
            fields = [one for one in (*classes[child]._identifiers, *classes[child]._attributes) if one not in left_out[child]]
            found[child] = {"parent": {key: _field(name, key, fields, pairs) for key in model._identifiers}}
    return found


def _field(parent: str, key: str, fields: list[str], pairs: list[tuple[Any, Any]]) -> str:
    """Return the field of a record that holds an identifier of its parent."""
    for name in (f"{parent}_{key}", parent, key):
        if name in fields and pairs and all(_same(one, name, above, key) for one, above in pairs):
            return name
    return next(name for name in (f"{parent}_{key}", f"parent_{parent}_{key}", f"_{parent}_{key}") if name not in fields)


def _same(child: DSyncModel | None, name: str, parent: DSyncModel | None, key: str) -> bool:
    return child is None or parent is None or displayed(getattr(child, name, None)) == displayed(getattr(parent, key))


def unlisted(dataset: Dataset) -> dict[str, int]:
    """Return model → number of orphans: objects of child models without a parent, which a comparison does not reach."""
    classes = dataset.models()
    parents = parents_of(dataset, classes)
    children = {child for model in classes.values() for child in model._children}
    counts = {name: sum(ObjectRef(name, uid) not in parents for uid in dataset.store.uids(name)) for name in children}
    return {name: count for name, count in sorted(counts.items()) if count}
