# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The objects of a dataset as data: made from dicts, and distinguished from those that another object lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._util.redaction import MASK, secret_strings
from ..exceptions import ObjectStoreWrongType, RecordError
from ..model.model import DSyncModel, fields_of
from .store import BaseStore


def objects_of(
    data: Mapping[str, Mapping[str, dict[str, Any]]], models: Mapping[str, type[DSyncModel]], name: str
) -> list[DSyncModel]:
    """Return objects from ``{model: {unique id: {field: value}}}``, in the order of the models.

    Args:
        data: the objects' values; not changed.
        models: model name → class.
        name: display name of the dataset, for messages.

    Raises:
        ObjectStoreWrongType, RecordError, pydantic.ValidationError: as :meth:`.dataset.Dataset.load_from_dict`.
    """
    for model in data:
        if model not in models:
            raise ObjectStoreWrongType(f'{name} has no model "{model}" (it has: {", ".join(models) or "none"})')
    given = [(cls, uid, values) for model, cls in models.items() for uid, values in data.get(model, {}).items()]
    return [_unmasked(name, cls, uid, values) for cls, uid, values in given]


def _unmasked(name: str, cls: type[DSyncModel], uid: str, values: dict[str, Any]) -> DSyncModel:
    """Return an object from its values. Raises RecordError if a sensitive one is masked."""
    sensitive = cls._declaration.given_as
    masked = [field for field, key in sensitive.items() if MASK in (values.get(field), values.get(key))]
    if not masked:
        obj = cls(**values)
        masked = [field for field, value in fields_of(obj).items() if MASK in secret_strings([value], field in sensitive)]
        if not masked:
            return obj
    raise RecordError(
        f'{name} cannot load {cls.get_type()} "{uid}": its {masked[0]} is masked; '
        f"make the data with dict(show_sensitive=True), or omit {masked[0]}"
    )


def nested_uids(store: BaseStore, model: str) -> set[str]:
    """Return the unique ids of the objects of a model that are children of another object."""
    parents = [obj for name in store.model_names() for obj in store.objects(name)]
    fields = ((parent, parent.get_children_mapping().get(model)) for parent in parents)
    return {uid for parent, field in fields if field for uid in getattr(parent, field) or ()}
