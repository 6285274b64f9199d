# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What two datasets' models declare, as a fingerprint: a plan made for other models must not be applied."""

from __future__ import annotations

import hashlib
import sys
import types
import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any

from .._util.plain_json import text_of
from ..dataset.dataset import Dataset

Declared = Mapping[str, str]
"""Model name → digest of what it declares; under ``""`` that of the top-level models."""

_SHORT = 16


def fingerprint(target: Dataset, source: Dataset | None) -> str:
    """Return a digest over the declarations of both sides' models: names, identifiers, attributes with their types, children and
    the top level. Where the classes come from makes no difference, nor does the release of Python."""
    sides = [declared(target), {} if source is None else declared(source)]
    return "sha256:" + hashlib.sha256(text_of([dict(side) for side in sides]).encode()).hexdigest()


def declared(dataset: Dataset) -> dict[str, str]:
    """Return model name → digest of what a dataset's model declares, and under ``""`` that of the top level."""
    models = dataset.models()
    found = {name: _digest(_declaration(models[name])) for name in sorted(models)}
    return {**found, "": _digest(list(dataset.top_level))}


def difference(dataset: Dataset, then: Declared) -> str:
    """Return a sentence on the first model of a dataset that is not declared as it was; empty if all are."""
    current = declared(dataset)
    for model in sorted({*current, *then}, key=lambda name: (not name, name)):
        if current.get(model) == then.get(model):
            continue
        if not model:
            return f"the top-level models of {dataset.name} are others now"
        how = "is new" if model not in then else "is gone" if model not in current else "is declared otherwise"
        return f'the model "{model}" of {dataset.name} {how} now'
    return ""


def _digest(value: Any) -> str:
    return hashlib.sha256(text_of(value).encode()).hexdigest()[:_SHORT]


def _declaration(cls: type[Any]) -> dict[str, Any]:
    types_of = {name: _described(field.annotation) for name, field in cls.model_fields.items()}
    declaration = cls._declaration
    return {
        "identifiers": [[name, types_of[name]] for name in declaration.identifiers],
        "attributes": sorted([name, types_of[name], name in declaration.sensitive] for name in declaration.attributes),
        "children": sorted(declaration.children),
    }


def _described(annotation: Any) -> str:
    """Return a type as text, the same in every release of Python and wherever a user's own class was loaded from."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is NoneType:
        return "None"
    if origin is typing.Literal:
        return f"Literal{list(arguments)!r}"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(sorted(map(_described, arguments)))
    if origin is not None:
        return f"{_described(origin)}[{', '.join(map(_described, arguments))}]"
    if isinstance(annotation, (list, tuple)):
        return f"[{', '.join(map(_described, annotation))}]"
    return _name(annotation)


def _name(annotation: Any) -> str:
    name = getattr(annotation, "__qualname__", None) or getattr(annotation, "__name__", None)
    if name is None:
        return "..." if annotation is Ellipsis else type(annotation).__name__
    module = str(getattr(annotation, "__module__", "")).split(".", maxsplit=1)[0]
    plain_name = str(name).rsplit("<locals>.", 1)[-1]
    return f"{module}.{plain_name}" if module in sys.stdlib_module_names else plain_name
