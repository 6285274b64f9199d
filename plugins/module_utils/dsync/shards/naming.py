# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The names of objects, as digests, by which the coordinator finds conflicts with objects that it does not load, and references to
them and from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..dataset.dataset import Dataset
from ..dataset.shard import digest_of
from ..diff.matching import ShortNames, matching_of
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..model.references import References


class Naming:
    """The names of objects by which the coordinator finds conflicts with, and references to, objects that it does not load."""

    def __init__(self, source: Dataset, target: Dataset, references: References | None) -> None:
        self._target, self._references = target, references
        self._short: dict[str, list[tuple[Dataset, ShortNames]]] = {
            model: [*_short_names(model, source, target)] for model in target.top_level if model in source.top_level
        }

    def names(self, top: ObjectRef, tree: Iterable[ObjectRef]) -> list[bytes]:
        """Return digests of the names of all objects of a tree; for its top also those of its short names."""
        found = [digest_of(*ref) for ref in tree]
        for side, names in self._short.get(top.model, ()):
            obj = side.store.find(*top)
            found += [] if obj is None else [digest_of(top.model, "", *map(repr, names.read([obj])))]
        return found

    def referred(self, tree: Iterable[ObjectRef]) -> set[bytes]:
        """Return digests of the objects to which the objects of a tree refer."""
        if self._references is None:
            return set()
        objs = (self._target.store.find(*ref) for ref in tree if ref.model in self._references.models)
        return {digest_of(*ref) for obj in objs if obj is not None for ref in _choices(self._references, obj)}


def _short_names(model: str, source: Dataset, target: Dataset) -> Iterator[tuple[Dataset, ShortNames]]:
    matching = matching_of(model, source, target)
    for side, reader in ((source, matching.source), (target, matching.target)):
        if reader.shortnames is not None:
            yield side, reader.shortnames


def _choices(references: References, obj: DSyncModel) -> Iterator[ObjectRef]:
    for named in references.named(obj.get_type(), obj.get_identifiers(), obj.get_attrs()):
        yield from named.choices
