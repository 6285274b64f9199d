# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Adapters that were written for DiffSync, as adapters of this library.

DiffSync's adapter loads, and keeps its own objects. For each of them there is one of ours that has its values; what is done to ours
in the course of a run is done to DiffSync's object and in DiffSync's store, as DiffSync's own syncer does it.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
from typing import Any, ClassVar, TypeGuard

from ...adapter import DSync
from ...diff.diff import Diff, DiffElement
from ...exceptions import ObjectAlreadyExists
from ...flags import DSyncFlags
from ...model.model import DSyncModel, set_owner
from .models import BridgedModel, bridged_model, diffsync


def base_of_diffsync() -> type[Any] | None:
    """Return the class that every adapter of DiffSync's inherits from, if the package has been imported."""
    found = getattr(sys.modules.get("diffsync"), "Adapter", None)
    return found if isinstance(found, type) else None


def is_for_diffsync(found: Any) -> TypeGuard[type[Any]]:
    """Return whether something is the class of an adapter of DiffSync's."""
    base = base_of_diffsync()
    return base is not None and isinstance(found, type) and issubclass(found, base) and found is not base


class DiffSyncBridge(DSync):
    """A dataset that an adapter of DiffSync's loads and writes.

    Args:
        options: keyword arguments of the adapter's class.

    Attributes:
        original: DiffSync's adapter.
    """

    original_class: ClassVar[Any] = None
    """The class of DiffSync's adapter."""

    def __init__(self, **options: Any) -> None:
        self.original = self.original_class(**options)
        self._kinds = {kind._original_class: kind for kind in self.models().values() if issubclass(kind, BridgedModel)}
        super().__init__(getattr(self.original, "name", None))

    def load(self) -> None:
        """Let the adapter load, and take its objects over."""
        self.original.name = self.name
        try:
            self.original.load()
        except diffsync().exceptions.ObjectAlreadyExists as error:
            raise self._doubled(error) from error
        self._take_over()

    def _doubled(self, error: Any) -> ObjectAlreadyExists:
        new = error.existing_object
        return ObjectAlreadyExists(
            f'{self.name} has two {new.get_type()} objects with the identity "{new.get_unique_id()}"', new=new
        )

    def _take_over(self) -> None:
        """Make an object for each one that the adapter has."""
        known = self.models()
        names = [*known, *sorted(set(self.original.get_all_model_names()) - set(known))]
        originals = [original for name in names for original in self.original.get_all(name)]
        objs = [self.kind_of(type(original))._standing_for(original) for original in originals]
        uids = {(obj.get_type(), obj._original.get_unique_id()): obj.get_unique_id() for obj in objs}
        for obj in objs:
            obj._list_children(uids)
            self.store.put(obj.get_type(), obj.get_unique_id(), obj)
            set_owner(obj, self)

    def kind_of(self, original: type[Any]) -> type[BridgedModel]:
        """Return the class of the objects that represent those of a class of DiffSync's, which may be one that the adapter does not
        declare."""
        if original not in self._kinds:
            near = (self._kinds[ancestor] for ancestor in original.__mro__[1:] if ancestor in self._kinds)
            self._kinds[original] = bridged_model(original, next(near, BridgedModel))
        return self._kinds[original]

    # ------------------------------------------------------------------ DiffSync's store, kept in step

    def add(self, obj: DSyncModel) -> None:
        if isinstance(obj, BridgedModel):
            self.original.add(obj._original)
        super().add(obj)

    def update(self, obj: DSyncModel) -> None:
        if isinstance(obj, BridgedModel):
            self.original.store.update(obj=obj._original)
        super().update(obj)

    def remove(self, obj: DSyncModel, remove_children: bool = False) -> None:
        if isinstance(obj, BridgedModel):
            with contextlib.suppress(diffsync().exceptions.ObjectNotFound):  # it went with its parent, or delete() took it out
                self.original.remove(obj._original, remove_children=remove_children)
        super().remove(obj, remove_children)

    def sync_complete(
        self,
        source: DSync,
        diff: Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        logger: logging.Logger | None = None,
    ) -> None:
        """Call the adapter's own, with what DiffSync would give it: its diff, its flags, and a logger of structlog."""
        given = source.original if isinstance(source, DiffSyncBridge) else source
        own_flags = diffsync().enum.DiffSyncFlags(flags.value)
        own_logger = importlib.import_module("structlog").get_logger().new(src=given, dst=self.original, flags=own_flags)
        self.original.sync_complete(given, _own_diff(diff), own_flags, own_logger)


def _own_diff(diff: Diff) -> Any:
    """Return a diff of DiffSync's with the same elements."""
    made = diffsync().diff.Diff()
    for element in diff.get_children():
        made.add(_own_element(element))
    made.models_processed = diff.summary()["skip"] - made.summary()["skip"]  # of which DiffSync works out what was skipped
    return made


def _own_element(element: DiffElement) -> Any:
    made = diffsync().diff.DiffElement(element.type, element.name, dict(element.keys), element.source_name, element.dest_name)
    made.add_attrs(element.source_attrs, element.dest_attrs)
    for child in element.get_children():
        made.add_child(_own_element(child))
    return made


def bridged(adapter: type[Any]) -> type[DiffSyncBridge]:
    """Return the class that makes a dataset of this library out of an adapter of DiffSync's.

    Raises:
        DeclarationError: a model declares what none may here.
    """
    space = {
        "__module__": __name__,
        "__doc__": adapter.__doc__,
        "type": adapter.type or adapter.__name__,
        "top_level": list(adapter.top_level),
        "original_class": adapter,
        **{name: bridged_model(kind) for name, kind in _models(adapter).items()},
    }
    return type(adapter.__name__, (DiffSyncBridge,), space)


def _models(adapter: type[Any]) -> dict[str, Any]:
    """Return model name → class of what an adapter of DiffSync's declares: the top-level ones first, then the others in order."""
    base = diffsync().DiffSyncModel
    names = dict.fromkeys([*adapter.top_level, *(name for ancestor in reversed(adapter.__mro__) for name in vars(ancestor))])
    found = {name: getattr(adapter, name, None) for name in names}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, base)}
