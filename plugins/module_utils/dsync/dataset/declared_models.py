# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The models that the class of a dataset declares."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ..exceptions import DeclarationError
from ..model.model import DSyncModel


def is_model(value: Any) -> bool:
    """Return whether a value is the class of a model."""
    return isinstance(value, type) and issubclass(value, DSyncModel)


def check_model(cls: type[Any], reserved: Collection[str], name: str, model: type[DSyncModel]) -> None:
    """Raise DeclarationError if a class cannot have a model by a name.

    Args:
        cls: the class of the dataset.
        reserved: names of methods and attributes, which no model may have.
        name: the name.
        model: the class of the model.
    """
    if not getattr(model, "__pydantic_complete__", True):
        model.model_rebuild(raise_errors=False)  # types that were not known when it was created
    if name in reserved:
        raise DeclarationError(
            f'{cls.__name__}: a model cannot be called "{name}", every adapter has a method or attribute with that name'
        )
    if model.get_type() != name:
        raise DeclarationError(
            f'{cls.__name__}.{name} is the class {model.__name__}, whose _modelname is "{model.get_type()}": both must be the same'
        )


def check_top_level(cls: Any) -> None:
    """Raise DeclarationError if a class names a root model that it does not have."""
    if not isinstance(cls.top_level, (list, tuple)):
        raise DeclarationError(f"{cls.__name__}.top_level must be a list of model names, not {cls.top_level!r}")
    for name in cls.top_level:
        if not is_model(getattr(cls, name, None)):
            known = ", ".join(cls.models()) or "none"
            raise DeclarationError(
                f"{cls.__name__}.top_level names {name!r}, but {cls.__name__} has no model class of that name (it has: {known})"
            )


def subtree(name: str, models: dict[str, type[DSyncModel]], above: tuple[str, ...]) -> dict[str, Any]:
    """Return the models below a model as nested dicts, without those of ``above``."""
    if name in above or name not in models:
        return {}
    return {child: subtree(child, models, (*above, name)) for child in models[name]._children}


def tree_lines(tree: dict[str, Any], margin: str) -> list[str]:
    """Return the lines that draw nested dicts of names as a tree."""
    lines = []
    for position, (name, below) in enumerate(tree.items()):
        last = position == len(tree) - 1
        lines.append(f"{margin}{'└── ' if last else '├── '}{name}")
        lines.extend(tree_lines(below, margin + ("    " if last else "│   ")))
    return lines


def same_id(cls: Any) -> Callable[[str], str] | None:
    """Return a function that normalises the spelling of unique ids of a class; None if there is only one, or no class."""
    try:
        same: Callable[[str], str] | None = cls._declaration.same_id
    except AttributeError:
        return None
    return same
