# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of nested values: pydantic models and dataclasses in attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .pydantic import BaseModel


def contents(value: Any) -> dict[str, Any] | None:
    """Return field → value of a pydantic model, extra ones included, or of a dataclass, as a new dict; None for any other value.
    What serialisation leaves out, renames or computes makes no difference."""
    if isinstance(value, BaseModel):
        fields = vars(value)
        return {**{name: fields[name] for name in type(value).model_fields if name in fields}, **(value.model_extra or {})}
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if hasattr(value, field.name)}
    return None


def is_root(value: Any) -> bool:
    """Return whether a value is a root model: one value, with a class of its own."""
    return bool(getattr(value, "__pydantic_root_model__", False))


def flattened(value: Any) -> Any:
    """Return a value in which models and dataclasses are dicts, at any depth of lists, tuples and dicts, and root models what they
    hold; the value itself if there are none. It is not changed."""
    if is_root(value):
        return flattened(value.root)
    inner = contents(value)
    if inner is not None or isinstance(value, Mapping):
        source: Any = value if inner is None else inner
        made = {name: flattened(item) for name, item in source.items()}
        return value if inner is None and all(made[name] is item for name, item in source.items()) else made
    if value.__class__ in (list, tuple):
        items = [flattened(item) for item in value]
        return value if all(one is other for one, other in zip(items, value)) else value.__class__(items)
    return value
