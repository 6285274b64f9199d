# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A fingerprint of the declarations of two datasets' models: a plan for other models must not be applied."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import sys
import types
import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any

from .._util.plain_json import text_of
from .._util.pydantic import BaseModel
from ..dataset.dataset import Dataset

Declared = Mapping[str, str]
"""Model name → digest of its declaration; under ``""`` that of the top-level models."""

_SHORT = 16
_URLS = {"Url": {"Url", "_BaseUrl"}, "MultiHostUrl": {"MultiHostUrl", "_BaseMultiHostUrl"}}
"""The base of pydantic's URL types: up to 2.9 they are annotations of one class, from 2.10 on separate classes."""


def fingerprint(target: Dataset, source: Dataset | None) -> str:
    """Return a digest over the declarations of both sides' models.

    It covers names, identifiers, attributes with their types, read-only and create-only attributes, references, children
    and the top level, the fields of nested models, and the members of enumerations. The origin of the classes makes no
    difference, nor do the releases of Python and pydantic. Protection is not covered: the protection that is declared when a plan
    is applied takes effect (:mod:`.plan.protection`).
    """
    sides = [declared(target), {} if source is None else declared(source)]
    return "sha256:" + hashlib.sha256(text_of([dict(side) for side in sides]).encode()).hexdigest()


def declared(dataset: Dataset) -> dict[str, str]:
    """Return model name → digest of the declaration of a dataset's model, and under ``""`` that of the top level."""
    models = dataset.models()
    found = {name: _digest(_declaration(models[name])) for name in sorted(models)}
    return {**found, "": _digest(list(dataset.top_level))}


def difference(dataset: Dataset, then: Declared) -> str:
    """Return a sentence about the first model of a dataset whose declaration has changed; an empty string if none has."""
    current = declared(dataset)
    for model in sorted({*current, *then}, key=lambda name: (not name, name)):
        if current.get(model) == then.get(model):
            continue
        if not model:
            return f"the top-level models of {dataset.name} have changed"
        how = "is new" if model not in then else "is gone" if model not in current else "is declared differently"
        return f'the model "{model}" of {dataset.name} {how} now'
    return ""


def _digest(value: Any) -> str:
    return hashlib.sha256(text_of(value).encode()).hexdigest()[:_SHORT]


def _declaration(cls: type[Any]) -> dict[str, Any]:
    types_of = {name: _described(field.annotation) for name, field in cls.model_fields.items()}
    declaration = cls._declaration
    compare = {name: list(comparison.names) for name, comparison in sorted(declaration.comparisons.items())}
    return {
        "identifiers": [[name, types_of[name]] for name in declaration.identifiers],
        "attributes": sorted([name, types_of[name], name in declaration.sensitive] for name in declaration.attributes),
        "children": sorted(declaration.children),
        "compare": compare,
        "create_only": sorted(cls._create_only),
        "read_only": sorted(cls._read_only),
        "references": sorted([reference.field, sorted(reference.models)] for reference in declaration.references),
    }


def _described(annotation: Any, above: tuple[Any, ...] = ()) -> str:
    """Return a type as a string that is independent of the releases of Python and pydantic and of where a class was loaded from.

    Args:
        annotation: the type.
        above: nested models that are being described; a model that contains itself is only named.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is NoneType:
        return "None"
    if origin is typing.Literal:
        return f"Literal{list(arguments)!r}"
    if origin is typing.Annotated:
        return _described(arguments[0], above)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(sorted(_described(argument, above) for argument in arguments))
    if origin is not None:
        return f"{_described(origin, above)}[{', '.join(_described(argument, above) for argument in arguments)}]"
    if isinstance(annotation, (list, tuple)):
        return f"[{', '.join(_described(argument, above) for argument in annotation)}]"
    return _name(annotation) + _inside(annotation, above)


def _inside(annotation: Any, above: tuple[Any, ...]) -> str:
    """Return the content of a nested model or an enumeration; an empty string for any other type."""
    if not isinstance(annotation, type) or annotation in above:
        return ""
    if issubclass(annotation, enum.Enum):
        return str(sorted(f"{name}={member.value!r}" for name, member in annotation.__members__.items()))
    if issubclass(annotation, BaseModel):
        fields = {name: field.annotation for name, field in annotation.model_fields.items()}
    elif dataclasses.is_dataclass(annotation):
        fields = typing.get_type_hints(annotation)
    else:
        return ""
    return str(sorted(f"{name}: {_described(kind, (*above, annotation))}" for name, kind in fields.items()))


def _name(annotation: Any) -> str:
    kinds = {kind.__name__ for kind in getattr(annotation, "__mro__", ()) if kind.__module__.startswith("pydantic")}
    if found := [name for name, names in _URLS.items() if kinds & names]:
        return found[0]
    name = getattr(annotation, "__qualname__", None) or getattr(annotation, "__name__", None)
    if name is None:
        return "..." if annotation is Ellipsis else type(annotation).__name__
    module = str(getattr(annotation, "__module__", "")).split(".", maxsplit=1)[0]
    plain_name = str(name).rsplit("<locals>.", 1)[-1]
    return f"{module}.{plain_name}" if module in sys.stdlib_module_names else plain_name
