# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that represent those of a DiffSync adapter, and the model classes that are made for them."""

from __future__ import annotations

import contextlib
import importlib
import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ...exceptions import (
    DeclarationError,
    DSyncException,
    ObjectCrudException,
    ObjectNotCreated,
    ObjectNotDeleted,
    ObjectNotUpdated,
)
from ...flags import DSyncModelFlags, DSyncStatus
from ...model.declaration import is_nested, is_secret
from ...model.model import DSyncModel

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...adapter import DSync

_DECLARED_FOR_US = ("_sensitive", "_create_only", "_read_only", "_protected")
"""What DiffSync knows nothing of, and a model of DiffSync's may declare all the same."""

_SHOWN = ("_attributes", "_shortname")


def diffsync() -> Any:
    """Return the package diffsync, which is there where one of its adapters is."""
    return importlib.import_module("diffsync")


class BridgedModel(DSyncModel):
    """An object that has the values of an object of DiffSync's, and whose create, update and delete are that one's.

    Its own names begin with an underscore, since the others belong to the fields of users' models.
    """

    __slots__ = ("_original",)

    _moves: ClassVar[bool] = False  # DiffSync deletes and creates

    _original_class: ClassVar[Any] = None
    """DiffSync's model class."""

    if TYPE_CHECKING:
        _original: Any
        """DiffSync's object."""

    @classmethod
    def _standing_for(cls, original: Any) -> Self:
        """Return a new object for one of DiffSync's; it has no children yet."""
        identifiers = original.get_identifiers()
        values = {name: identifiers[name] if name in identifiers else getattr(original, name) for name in cls._identifiers}
        made = cls.model_construct(None, **values)
        made.__dict__.update({field: [] for field in cls._children.values()})
        made._follow(original)
        return made

    def _follow(self, original: Any) -> None:
        """Take over the attributes, the flags and the status of DiffSync's object, which this one represents from now on."""
        object.__setattr__(self, "_original", original)
        attrs = original.get_attrs()
        names = {name: None for group in _SHOWN for name in getattr(self, group) if name not in self._identifiers}
        self.__dict__.update({name: attrs[name] if name in attrs else getattr(original, name) for name in names})
        flags, (status, message) = original.model_flags, original.get_status()
        if flags.value != self.model_flags.value:
            self.model_flags = DSyncModelFlags(flags.value)
        self.set_status(DSyncStatus(status.value), message)

    def _list_children(self, uids: Mapping[tuple[str, str], str]) -> None:
        """List the children that DiffSync's object lists.

        Args:
            uids: model and unique id of an object, as DiffSync makes it → unique id.
        """
        for model, field in self._children.items():
            listed = dict.fromkeys(getattr(self._original, field) or ())
            self.__dict__[field] = [uids.get((model, uid), uid) for uid in listed]

    # ------------------------------------------------------------------ what DiffSync's syncer does with its objects

    @classmethod
    def create(cls, dsync: DSync, ids: dict[str, Any], attrs: dict[str, Any]) -> Self | None:
        kind, adapter = cls._original_class, _bridge(dsync).original
        if adapter.get_or_none(kind, ids) is not None:
            raise ObjectNotCreated(f"{dsync.name} has it already: it was added while another object was created or changed")
        with _translated_errors(ObjectNotCreated):
            made = kind.create(adapter=adapter, ids=ids, attrs=attrs)
        if not isinstance(made, diffsync().DiffSyncModel):
            return made  # type: ignore[no-any-return]  # None, or what the caller recognizes as no object
        return _bridge(dsync).kind_of(type(made))._standing_for(made)  # type: ignore[no-any-return]  # a class made at run time

    def update(self, attrs: dict[str, Any]) -> Any:
        original = self._live(ObjectNotUpdated)
        with _translated_errors(ObjectNotUpdated):
            return self._returned(original.update(attrs=attrs))

    def delete(self) -> Any:
        original = self._live(ObjectNotDeleted)
        with _translated_errors(ObjectNotDeleted):
            return self._returned(original.delete())

    def _live(self, failure: type[ObjectCrudException]) -> Any:
        """Return DiffSync's object as its adapter has it now, about to be changed. Raises ``failure``."""
        owner: Any = self.dsync
        original = self._original
        live = None if owner is None else _bridge(owner).original.get_or_none(type(original), original.get_unique_id())
        if live is None:
            raise failure("the adapter has taken it out of its own store meanwhile")
        live.set_status(diffsync().enum.DiffSyncStatus.UNKNOWN)
        return live

    def _returned(self, returned: Any) -> Any:
        if not isinstance(returned, diffsync().DiffSyncModel):
            return returned
        self._follow(returned)
        return self

    def add_child(self, child: DSyncModel) -> None:
        super().add_child(child)
        if isinstance(child, BridgedModel):
            with contextlib.suppress(diffsync().exceptions.ObjectAlreadyExists):  # create() may have added it
                self._original.add_child(child._original)

    def remove_child(self, child: DSyncModel) -> None:
        super().remove_child(child)
        if isinstance(child, BridgedModel):
            with contextlib.suppress(diffsync().exceptions.ObjectNotFound):  # delete() may have taken it out
                self._original.remove_child(child._original)


def _bridge(dsync: DSync) -> Any:
    """Return the adapter that holds bridged objects, which is a :class:`.bridge.DiffSyncBridge`."""
    return dsync


@contextlib.contextmanager
def _translated_errors(failure: type[ObjectCrudException]) -> Iterator[None]:
    """Let what DiffSync's code raises when an object could not be written, or kept, be ours."""
    exceptions = diffsync().exceptions
    try:
        yield
    except (exceptions.ObjectCrudException, exceptions.ObjectStoreException) as error:
        if isinstance(error, DSyncException):
            raise
        raise failure(str(error.args[0]) if error.args else type(error).__name__) from error


# ---------------------------------------------------------------------- classes


def bridged_model(kind: Any, base: type[BridgedModel] = BridgedModel) -> type[BridgedModel]:
    """Return the class of the objects that represent those of a model of DiffSync's.

    Args:
        kind: DiffSync's model class.
        base: the class that was made for one that it inherits from, if there is one.

    Raises:
        DeclarationError: it declares what no model may.
    """
    annotations = {name: _annotation(kind, name) for name in (*kind._identifiers, *kind._attributes, *kind._shortname)}
    for name in annotations:
        if hasattr(DSyncModel, name) and not hasattr(diffsync().DiffSyncModel, name):
            raise DeclarationError(f"{kind.__name__} has a field {name!r}, which is a name that every model uses already")
    secrets = [name for name in kind._attributes if is_secret(annotations[name])]
    groups = {name: _names(kind, name) for name in _DECLARED_FOR_US}
    space = {
        "__module__": __name__,
        "__doc__": kind.__doc__,
        "_modelname": kind.get_type(),
        "_identifiers": tuple(kind._identifiers),
        "_attributes": tuple(kind._attributes),
        "_shortname": tuple(kind._shortname),
        "_children": dict(kind._children),
        **groups,
        "_sensitive": tuple(dict.fromkeys((*groups["_sensitive"], *secrets))),
        "_original_class": kind,
        **_overridden(kind),
        "__annotations__": {
            **{name: Any if is_nested(annotation) else annotation for name, annotation in annotations.items()},
            **dict.fromkeys(kind._children.values(), list[str]),
        },
    }
    made: type[BridgedModel] = types.new_class(kind.__name__, (base,), exec_body=lambda namespace: namespace.update(space))
    return made


def _annotation(kind: Any, name: str) -> Any:
    """Return the type of a field; identifiers may be computed ones."""
    if name in kind.model_fields:
        return kind.model_fields[name].annotation
    computed = kind.model_computed_fields.get(name)
    return Any if computed is None else computed.return_type


def _names(kind: Any, group: str) -> tuple[str, ...]:
    """Return what a class declares in a group, as a class variable or as what pydantic treats as a private attribute."""
    private = kind.__private_attributes__.get(group)
    return tuple(getattr(kind, group, ()) if private is None else private.get_default() or ())


def _overridden(kind: Any) -> dict[str, Any]:
    """Return the methods for a class whose original has its own way to name or to read objects."""
    base = diffsync().DiffSyncModel
    own = {name for name in ("create_unique_id", "get_unique_id", "get_shortname", "get_attrs") if _overrides(kind, base, name)}
    methods: dict[str, Any] = {}
    if "create_unique_id" in own:
        methods["create_unique_id"] = classmethod(lambda cls, **identifiers: kind.create_unique_id(**identifiers))
    if own & {"create_unique_id", "get_unique_id"}:
        methods["get_unique_id"] = lambda self: self._original.get_unique_id()
    if "get_shortname" in own:
        methods["get_shortname"] = lambda self: self._original.get_shortname()
    if "get_attrs" in own:
        methods["get_attrs"] = lambda self: self._original.get_attrs()
    return methods


def _overrides(kind: Any, base: Any, method: str) -> bool:
    return next(ancestor for ancestor in kind.__mro__ if method in vars(ancestor)) is not base
