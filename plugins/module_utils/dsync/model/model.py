# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""DSyncModel: one object of a dataset, with its identity, its attributes and the ids of its children."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from .._util.pydantic import BaseModel, ConfigDict, PydanticCustomError, ValidationError
from .._util.redaction import Redactor, masked, secret_strings
from ..exceptions import ObjectAlreadyExists, ObjectNotFound, ObjectNotUpdated, ObjectStoreWrongType
from ..flags import DSyncModelFlags, DSyncStatus
from .child_ids import ChildIds, ChildrenField, add_uid, discard_uid
from .construction import Assignment, Construction, GivenFields, construction_of
from .declaration import RESERVED, Declaration, compare_as_declared, declare
from .identity import SEPARATOR
from .values import copied, python_string

if TYPE_CHECKING:
    from typing_extensions import Self

    from .owner import Owner

Dict = dict  # the class below has methods called dict and str
Text = str

_COMPARED_FLAGS = DSyncModelFlags.IGNORE | DSyncModelFlags.SKIP_UNMATCHED_BOTH
"""The flags that affect a comparison; the others only affect deletes."""


class Creation(NamedTuple):
    """An object to create: the values of its identifiers and attributes, and its parent."""

    ids: dict[str, Any]
    attrs: dict[str, Any]
    parent: DSyncModel | None

    def __repr__(self) -> str:
        """Return identifiers and the names of the attributes, whose values may be sensitive."""
        return f"Creation(ids={self.ids}, attrs={', '.join(self.attrs) or 'none'}, parent={self.parent!r})"


class Updating(NamedTuple):
    """An object to update, and the new values of the attributes that differ."""

    obj: DSyncModel
    attrs: dict[str, Any]

    def __repr__(self) -> str:
        """Return the object and the names of the attributes, whose values may be sensitive."""
        return f"Updating(obj={self.obj!r}, attrs={', '.join(self.attrs) or 'none'})"


class Moving(NamedTuple):
    """An object to move or rename: its new parent, None at the top level, the new values of its identifiers, and
    the new values of the attributes that differ."""

    obj: DSyncModel
    parent: DSyncModel | None
    ids: dict[str, Any]
    attrs: dict[str, Any]

    def __repr__(self) -> str:
        """Return the object, its parent and the names of the attributes, whose values may be sensitive."""
        return f"Moving(obj={self.obj!r}, parent={self.parent!r}, attrs={', '.join(self.attrs) or 'none'})"


class DSyncModel(BaseModel):
    """Base class of every model.

    A subclass declares its fields with type annotations, as in pydantic, and declares their purpose::

        class Device(DSyncModel):
            _modelname = "device"
            _identifiers = ("name",)
            _attributes = ("role",)
            name: str
            role: str

    Subclasses that write to a remote system override :meth:`create`, :meth:`update` and :meth:`delete`.
    """

    __slots__ = ("_dsync", "_flags", "_state", "_uid")

    _modelname: ClassVar[Text] = "dsyncmodel"
    """Name of the model; an adapter's class attribute of this name holds the class."""

    _identifiers: ClassVar[tuple[Text, ...]] = ()
    """Fields that together identify an object among all objects of the model."""

    _shortname: ClassVar[tuple[Text, ...]] = ()
    """Fields that together identify an object among its siblings; empty means that the unique id is shown."""

    _attributes: ClassVar[tuple[Text, ...]] = ()
    """Fields that are compared and synchronised. Other fields are for the adapter's own use."""

    _children: ClassVar[Dict[Text, Text]] = {}
    """Model name of a kind of child → the field that lists the unique ids of such children."""

    _sensitive: ClassVar[tuple[Text, ...]] = ()
    """Fields that are compared by value and shown as ``********``; fields of type SecretStr or SecretBytes always are."""

    _create_only: ClassVar[tuple[Text, ...]] = ()
    """Attributes that are set when an object is created, and neither compared nor changed afterwards."""

    _read_only: ClassVar[tuple[Text, ...]] = ()
    """Attributes that are compared and shown, and never written."""

    _unique: ClassVar[tuple[Text | tuple[Text, ...], ...]] = ()
    """Identifiers and attributes, or tuples of several, whose values must be unique in the system, such as
    ``("serial", ("site", "asset_tag"))``; None is not a value. The object that releases such a value is changed
    before the object that takes it."""

    _match: ClassVar[tuple[Text | tuple[Text, ...], ...]] = ()
    """Identifiers and attributes, or tuples of several, that match objects whose identities are on one side only, such as
    ``("serial", ("site", "asset_tag"))``: the one object of the other side with the same values is renamed instead
    of being deleted and created. They are tried in order; None and empty values match nothing."""

    _protected: ClassVar[tuple[Text, ...]] = ()
    """Actions ("create", "update", "move", "delete") that are shown as differences and never made for objects of this model."""

    _moves: ClassVar[bool] = True
    """Whether an object with another parent or name in the source is moved or renamed in one change; otherwise it is deleted and
    created again, in two changes."""

    _compare: ClassVar[Dict[Text, Text | tuple[Text, ...]]] = {}
    """Identifier or attribute → how its values compare if equality is too strict: "case_insensitive", "unicode_nfc" and
    "stripped", alone or as a tuple of several, "mac", "ip", "number" or "moment" for strings; "unordered" for a list, alone or
    with one for its items. Objects whose identifiers compare equal are one object; values are shown and written as they are."""

    _references: ClassVar[Dict[Text, Text | tuple[Text, ...]]] = {}
    """Identifier or attribute → the model, or models, of the object to which its value refers by unique id (or by a dict of its
    identifiers; a list refers to several objects, None and "" to none). The referenced object is created first and deleted
    last."""

    _declaration: ClassVar[Declaration]  # pylint: disable=declare-non-slot  # it is set on each class, not on objects
    _default_flags: ClassVar[DSyncModelFlags] = DSyncModelFlags.NONE
    _uses_flags: ClassVar[bool] = False
    _flags_matter: ClassVar[bool] = False
    _read_unique_id: ClassVar[Callable[[Any], Text] | None] = None
    _construction: ClassVar[Construction | None] = None
    _assignment: ClassVar[Assignment | None] = None

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        ignored_types=(DSyncModelFlags,),
        populate_by_name=True,
        protected_namespaces=(),
    )

    # ------------------------------------------------------------------ the class and its instances

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        flags = cls.__dict__.get("model_flags")
        if isinstance(flags, DSyncModelFlags):
            cls._default_flags = flags
            cls._uses_flags = True
            cls._flags_matter = bool(flags & _COMPARED_FLAGS)
            del cls.model_flags
            cls.__annotations__.pop("model_flags", None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not (compare_as_declared(cls) and cls.model_rebuild(force=True, raise_errors=False)):
            cls._declare()

    @classmethod
    def model_rebuild(cls, *, _parent_namespace_depth: int = 2, **kwargs: Any) -> bool | None:
        """Resolve types that were not known when the class was created, as pydantic does, and check the declaration with them."""
        rebuilt = super().model_rebuild(_parent_namespace_depth=_parent_namespace_depth + 1, **kwargs)
        if rebuilt:
            cls._declare()
        return rebuilt

    @classmethod
    def _declare(cls) -> None:
        cls._declaration = declare(cls)
        cls._construction = construction_of(cls)
        cls._assignment = None
        asked = any(map(cls.overrides, ("create_unique_id", "get_identifiers")))
        cls._read_unique_id = None if asked else staticmethod(cls._declaration.unique_id_of)
        for field in cls._declaration.children.values():
            setattr(cls, field, ChildrenField(field))

    def __init__(self, /, **data: Any) -> None:
        """Create an object from its fields' values, which are validated.

        Args:
            data: a value for each field; also ``model_flags`` (DSyncModelFlags of this object) and ``dsync`` (its adapter).

        Raises:
            pydantic.ValidationError: it names the object as far as its identity is known, and never contains the given values.
        """
        owner = data.pop("dsync", None) if "dsync" in data else None
        flags = data.pop("model_flags", None) if "model_flags" in data else None
        construction = self._construction
        try:
            if construction is None:
                self.__pydantic_validator__.validate_python(data, self_instance=self)
            else:
                _set_fields(self, construction.one(data))
                _set_given(self, construction.given(tuple(data)))
                _set_extra(self, None)
                _set_private(self, None)
                _set_uid(self, None)
        except ValidationError as error:
            raise self._named(error, data) from None
        if owner is not None:
            _set_owner(self, owner)
        if flags is not None:
            self.model_flags = flags

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[Text, Any]]) -> list[Self]:
        """Create an object from each plain dict in bulk, faster than one by one (see docs/benchmarks.md).

        Args:
            rows: field name → value; keys that are not fields are ignored. They are not changed.

        Returns:
            A new list of the objects, in the order of the rows.

        Raises:
            pydantic.ValidationError: as raised by the constructor, for the first row that does not fit.
        """
        construction = cls._construction
        if construction is None or cls.overrides("__init__"):
            return [cls(**row) for row in rows]
        try:
            fields = construction.many(rows)
        except ValidationError as error:
            place = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"][0]
            cls(**rows[int(place)])  # raises the same, naming the object
            raise
        objs: list[Self] = list(map(cls.__new__, repeat(cls, len(rows))))
        given = map(construction.given, map(tuple, rows))
        for set_slot, values in (
            (_set_fields, fields),
            (_set_given, given),
            (_set_extra, repeat(None)),
            (_set_private, repeat(None)),
            (_set_uid, repeat(None)),
        ):
            deque(map(set_slot, objs, values), maxlen=0)
        return objs

    @classmethod
    def unique_ids_of(cls, objs: Sequence[DSyncModel]) -> list[Text]:
        """Return the unique ids of many objects of this class."""
        read = cls._read_unique_id
        if read is None or cls.overrides("get_unique_id"):
            return [obj.get_unique_id() for obj in objs]
        uids = list(map(read, objs))
        deque(map(_set_uid, objs, uids), maxlen=0)
        return uids

    @classmethod
    def _named(cls, error: ValidationError, data: Dict[Text, Any], *more: Dict[Text, Any]) -> ValidationError:
        """Return the same errors under a title that names the object, without messages about sensitive values.

        Args:
            error: the exception of pydantic.
            data: values that name the object, and that are searched for sensitive ones.
            more: other values that are searched for sensitive ones.
        """
        declaration = cls._declaration
        known = [Text(data[name]) for name in declaration.identifiers if name in data]
        title = f'{cls._modelname} "{SEPARATOR.join(known)}"' if known else f"{cls._modelname} without {declaration.identifiers}"
        sensitive = {*declaration.given_as.keys(), *declaration.given_as.values()}
        secrets = secret_strings(values.get(name) for values in (data, *more) for name in sensitive)
        lines: list[Any] = []
        for line in error.errors(include_url=False):
            hidden = line["loc"] and line["loc"][0] in sensitive
            message = "the value does not fit the field's type" if hidden else Redactor(secrets).redact(line["msg"])
            kind = PydanticCustomError(line["type"], message)
            lines.append({"type": kind, "loc": line["loc"][:1] if hidden else line["loc"], "input": None})
        return ValidationError.from_exception_data(title, lines, hide_input=True)

    def __setattr__(self, name: Text, value: Any) -> None:
        if name in RESERVED:
            object.__setattr__(self, name, value)
            return
        if name in self._declaration.identifiers:
            _set_uid(self, None)
        self._own_given_fields()
        super().__setattr__(name, value)

    def _own_given_fields(self) -> None:
        """Stop sharing the set of given fields with other objects, before pydantic adds to it."""
        given = self.__pydantic_fields_set__
        if isinstance(given, GivenFields):
            _set_given(self, set(given))

    @property
    def dsync(self) -> Owner | None:
        """The adapter that holds this object, or None."""
        try:
            return _get_owner(self)  # type: ignore[no-any-return]  # a slot's descriptor is not typed
        except AttributeError:
            return None

    @dsync.setter
    def dsync(self, owner: Owner | None) -> None:
        _set_owner(self, owner)

    @property
    def model_flags(self) -> DSyncModelFlags:
        """Flags of this object: its own if it was given any, otherwise those of its class."""
        try:
            return _get_flags(self)  # type: ignore[no-any-return]  # a slot's descriptor is not typed
        except AttributeError:
            return self._default_flags

    @model_flags.setter
    def model_flags(self, flags: DSyncModelFlags) -> None:
        _set_flags(self, flags)
        type(self)._uses_flags = type(self)._flags_matter = True

    # ------------------------------------------------------------------ identity and values

    @classmethod
    def overrides(cls, method: Text) -> bool:
        """Return whether this class, or one between it and DSyncModel, defines a method that DSyncModel has too."""
        return next(ancestor for ancestor in cls.__mro__ if method in vars(ancestor)) is not DSyncModel

    @classmethod
    def uncreatable(cls) -> tuple[Text, ...]:
        """Return the required read-only attributes, without which the default ``create`` cannot create an object; none if the
        class overrides ``create``, which may get them from the system."""
        return () if any(map(cls.overrides, ("create", "create_many"))) else cls._declaration.lacking

    @classmethod
    def get_type(cls) -> Text:
        """Return the model's name."""
        return cls._modelname

    @classmethod
    def create_unique_id(cls, **identifiers: Any) -> Text:
        """Return the unique id that an object with these identifiers has.

        Args:
            identifiers: the value of every field in ``_identifiers``.

        Raises:
            KeyError: an identifier is missing.
        """
        declaration = cls._declaration
        return declaration.unique_id_given([identifiers[name] for name in declaration.identifiers])

    @classmethod
    def get_children_mapping(cls) -> Dict[Text, Text]:
        """Return model name of a kind of child → name of the field that lists such children."""
        return cls._children

    @classmethod
    def get_sensitive_fields(cls) -> frozenset[Text]:
        """Return the names of the fields whose values are never shown."""
        return cls._declaration.sensitive

    def get_unique_id(self) -> Text:
        """Return the id that is unique among all objects of the model: its identifiers joined by ``__``."""
        try:
            uid = _get_uid(self)
        except AttributeError:
            uid = None
        if uid is None:
            read = type(self)._read_unique_id
            uid = self.create_unique_id(**self.get_identifiers()) if read is None else read(self)
            _set_uid(self, uid)
        return uid  # type: ignore[no-any-return]  # a slot's descriptor is not typed

    def get_shortname(self) -> Text:
        """Return the name that is unique among the object's siblings. Defaults to the unique id if there is no ``_shortname``."""
        if self._shortname:
            return SEPARATOR.join([Text(getattr(self, name)) for name in self._shortname])
        return self.get_unique_id()

    def get_identifiers(self) -> Dict[Text, Any]:
        """Return a new dict of the identifiers' values."""
        return self._declaration.identifiers_in(fields_of(self))

    def get_attrs(self) -> Dict[Text, Any]:
        """Return a new dict of the attributes' values, sensitive ones included; a nested pydantic model is the object itself."""
        return self._declaration.attributes_in(fields_of(self))

    def get_status(self) -> tuple[DSyncStatus, Text]:
        """Return the state of the last create, update, move or delete of this object, and a message."""
        try:
            return _get_state(self)  # type: ignore[no-any-return]  # a slot's descriptor is not typed
        except AttributeError:
            return DSyncStatus.SUCCESS, ""

    def set_status(self, status: DSyncStatus, message: Text = "") -> None:
        """Set the status of the last create, update, move or delete of this object.

        Args:
            status: with FAILURE or ERROR the change counts as failed, even if the method returns the object.
            message: shown with the outcome of the change.
        """
        _set_state(self, (status, message))

    # ------------------------------------------------------------------ children

    def add_child(self, child: DSyncModel) -> None:
        """Add the unique id of ``child`` to the field for its model, in constant time. The child itself is not stored.

        Raises:
            ObjectStoreWrongType: objects of this model have no children of that model.
            ObjectAlreadyExists: the object already has this child.
        """
        uid = child.get_unique_id()
        if not add_uid(self.__dict__, self._children.get(child._modelname) or self._child_field(child), uid):
            raise ObjectAlreadyExists(f'{self!r} has the child {child.get_type()} "{uid}" already', new=child)

    def remove_child(self, child: DSyncModel) -> None:
        """Remove the unique id of ``child`` from the field for its model, in constant time.

        Raises:
            ObjectStoreWrongType: objects of this model have no children of that model.
            ObjectNotFound: the object does not have this child.
        """
        self.remove_child_id(child, child.get_unique_id())

    def remove_child_id(self, child: DSyncModel, uid: Text) -> None:
        """Take a unique id that ``child`` has, or had before it was renamed, out of the field for its model; otherwise as
        :meth:`remove_child`."""
        if not discard_uid(self.__dict__, self._child_field(child), uid):
            raise ObjectNotFound(f'{self!r} has no child {child.get_type()} "{uid}"')

    def _child_field(self, child: DSyncModel) -> Text:
        try:
            return self._children[child._modelname]
        except KeyError:
            kinds = ", ".join(self._children) or "none"
            raise ObjectStoreWrongType(
                f"{self!r} cannot have the child {child!r}: the children of a {self.get_type()} are of model {kinds}"
            ) from None

    # ------------------------------------------------------------------ create, update, move, delete

    @classmethod
    def create(cls, dsync: Any, ids: Dict[Text, Any], attrs: Dict[Text, Any]) -> Self | None:
        """Create the object in the remote system and return it. Called by keyword.

        A subclass creates the object in the remote system and calls ``super().create(dsync=dsync, ids=ids, attrs=attrs)``.

        Args:
            dsync: the adapter to which the object will belong (the caller adds it).
            ids: the identifiers' values.
            attrs: the attributes' values.

        Returns:
            The new object; None means that it failed.

        Raises:
            ObjectNotCreated: or any other exception: it failed.
        """
        return cls.create_base(dsync=dsync, ids=ids, attrs=attrs)

    @classmethod
    def create_base(cls, dsync: Any, ids: Dict[Text, Any], attrs: Dict[Text, Any]) -> Self | None:
        """Create the object from its values; do not override."""
        return cls(dsync=dsync, **ids, **attrs)

    def update(self, attrs: Dict[Text, Any]) -> Self | None:
        """Change the object in the remote system and return it.

        A subclass changes the object in the remote system and calls ``super().update(attrs)``.

        Args:
            attrs: new values of only the attributes that differ.

        Returns:
            This object; None means that it failed.

        Raises:
            ObjectNotUpdated: or any other exception: it failed.
        """
        return self.update_base(attrs)

    def update_base(self, attrs: Dict[Text, Any]) -> Self | None:
        """Validate the given values and set all of them or none; do not override.

        Validators of the whole model see all new values; the object is unchanged if an exception is raised.

        Args:
            attrs: field name → new value; not changed.

        Raises:
            ObjectNotUpdated: a name is not a field.
            pydantic.ValidationError: the values do not fit; it names the object and contains no sensitive value.
        """
        for name in attrs:
            if name not in type(self).model_fields:
                raise ObjectNotUpdated(f"{self!r} has no field {name!r}")
        before = Snapshot(self)
        try:
            self._assign(attrs)
        except ValidationError as error:
            before.restore()
            raise self._named(error, self.get_identifiers(), attrs, self.__dict__) from None
        except BaseException:
            before.restore()
            raise
        return self

    def _assign(self, attrs: Dict[Text, Any]) -> None:
        self._own_given_fields()
        if len(attrs) > 1:
            cls = type(self)
            if cls._assignment is None:
                cls._assignment = Assignment(cls)
            self.__dict__.update(cls._assignment.valid(self.__dict__, attrs))
            self.__pydantic_fields_set__.update(attrs)
        for name in [*attrs][-1:]:  # with the last value the validators of the whole model run
            self.__pydantic_validator__.validate_assignment(self, name, attrs[name])

    def move(self, parent: DSyncModel | None, ids: Dict[Text, Any], attrs: Dict[Text, Any]) -> Self | None:
        """Move the object to another parent in the remote system, rename it, or both, with all objects below it, and return it.

        A subclass overrides this if the remote system can move and rename an object: it does so there and calls
        ``super().move(parent, ids, attrs)``. Afterwards the new parent lists the object among its children.

        Objects below a renamed object that are named after it are renamed with it. If the class of such a child overrides this
        method, it is called for the child after the parent, with the renamed parent and the child's new identifiers; otherwise
        nothing is called for the child, because the system renames it together with its parent.

        If a class does not override it, this method is not called: the object is deleted, with all objects below it, and created
        again in its new place, with its new name. If that is refused, it is created again in its old state.

        Args:
            parent: the object's new parent, None for the top level; the same as before if the object is only renamed. Do not
                change it.
            ids: the new values of the object's identifiers; the object still has the old ones.
            attrs: new values of only the attributes that differ; often none.

        Returns:
            This object; None means that it failed, and the object has its old name and place.

        Raises:
            ObjectNotMoved: or any other exception: it failed, and the object has its old name and place.
        """
        return self.move_base(ids, attrs)

    def move_base(self, ids: Dict[Text, Any], attrs: Dict[Text, Any]) -> Self | None:
        """Set the given values after validating them, all of them or none; not meant to be overridden.

        Args:
            ids: the values of the object's identifiers from now on; not changed.
            attrs: field name → new value; not changed.

        Raises:
            pydantic.ValidationError: as :meth:`update_base` raises it.
        """
        renamed = self.create_unique_id(**ids) != self.get_unique_id()
        moved = self.update_base({**ids, **attrs} if renamed else attrs)
        _set_uid(self, None)
        return moved

    def delete(self) -> Self | None:
        """Delete the object from the remote system and return it.

        A subclass deletes the object in the remote system and calls ``super().delete()``.

        Returns:
            This object; None means that it failed.

        Raises:
            ObjectNotDeleted: or any other exception: it failed.
        """
        return self.delete_base()

    def delete_base(self) -> Self | None:
        """Return this object; do not override."""
        return self

    # ------------------------------------------------------------------ batches

    # A subclass that can create, update, move or delete many objects with one call defines the batch method; it is then
    # called instead of create, update, move or delete, with up to the adapter's ``batch_size`` objects. For each item, in order,
    # it returns the object, None, or an exception: the last two mean that this item failed. It raises an exception if none of the
    # batch was done: the batch is then split in halves and retried, down to single objects; but not after an exception
    # whose ``maybe`` is true, which means that something may have been done (as RecordProblem can).

    @classmethod
    def create_many(cls, dsync: Any, items: Sequence[Creation]) -> Sequence[Self | Exception | None]:
        """Create objects in the remote system and return them. Called only if a subclass defines it.

        Args:
            dsync: the adapter to which the objects will belong (the caller adds them).
            items: the objects to create.
        """
        raise NotImplementedError

    @classmethod
    def update_many(cls, dsync: Any, items: Sequence[Updating]) -> Sequence[DSyncModel | Exception | None]:
        """Change objects in the remote system and return them, with the new values set. Otherwise as :meth:`create_many`."""
        raise NotImplementedError

    @classmethod
    def move_many(cls, dsync: Any, items: Sequence[Moving]) -> Sequence[DSyncModel | Exception | None]:
        """Move or rename objects in the remote system and return them, with the new values set, as :meth:`move` does. Otherwise as
        :meth:`create_many`."""
        raise NotImplementedError

    @classmethod
    def delete_many(cls, dsync: Any, items: Sequence[DSyncModel]) -> Sequence[DSyncModel | Exception | None]:
        """Delete objects from the remote system and return them. Otherwise as :meth:`create_many`."""
        raise NotImplementedError

    # ------------------------------------------------------------------ pydantic's own readers of the children

    def _settle(self) -> None:
        for field in self._children.values():
            uids = self.__dict__.get(field)
            if uids.__class__ is ChildIds:
                uids.settle()

    def model_dump(self, *args: Any, **kwargs: Any) -> Dict[Text, Any]:
        """Pydantic's own dump. Sensitive fields are not masked in it; :meth:`dict` masks them."""
        self._settle()
        return super().model_dump(*args, **kwargs)

    def model_dump_json(self, *args: Any, **kwargs: Any) -> Text:
        """Pydantic's own dump. Sensitive fields are not masked in it; :meth:`json` masks them."""
        self._settle()
        return super().model_dump_json(*args, **kwargs)

    def __eq__(self, other: Any) -> bool:
        self._settle()
        if isinstance(other, DSyncModel):
            other._settle()
        return super().__eq__(other)

    # A copy has the flags of its original; it belongs to no adapter.

    def __getstate__(self) -> Dict[Any, Any]:
        self._settle()
        return {**super().__getstate__(), "dsync_own": self._own()}

    def __setstate__(self, state: Dict[Any, Any]) -> None:
        own = state.pop("dsync_own")
        super().__setstate__(state)
        self._take_own(own)

    def __copy__(self) -> Self:
        self._settle()
        copied = super().__copy__()
        copied._take_own(self._own())
        return copied

    def __deepcopy__(self, memo: Dict[int, Any] | None = None) -> Self:
        self._settle()
        copied = super().__deepcopy__(memo)
        copied._take_own(self._own())
        return copied

    def _own(self) -> tuple[DSyncModelFlags | None, tuple[DSyncStatus, Text]]:
        """Return this object's own flags, if any, and its status; a copy has them too."""
        try:
            return _get_flags(self), self.get_status()
        except AttributeError:
            return None, self.get_status()

    def _take_own(self, own: tuple[DSyncModelFlags | None, tuple[DSyncStatus, Text]]) -> None:
        flags, status = own
        _set_uid(self, None)
        _set_state(self, status)
        if flags is not None:
            self.model_flags = flags  # this also informs the class, which may never have had any in this process

    # ------------------------------------------------------------------ text forms

    def __repr__(self) -> Text:
        return f'{self.get_type()} "{self.get_unique_id()}"'

    def __str__(self) -> Text:
        return self.get_unique_id()

    def __repr_args__(self) -> Any:
        return masked({name or "": value for name, value in super().__repr_args__()}, self.get_sensitive_fields()).items()

    def json(self, **kwargs: Any) -> Text:
        """Return the object as JSON without defaults, sensitive values masked. Takes the arguments of ``model_dump_json``."""
        indent = kwargs.pop("indent", None)
        data = self.dict(mode="json", **{"exclude_defaults": True, **kwargs})
        return json.dumps(data, indent=indent, separators=None if indent else (",", ":"), ensure_ascii=False)

    def str(self, include_children: bool = True, indent: int = 0) -> Text:
        """Return the object and its children as indented text, sensitive values masked.

        Args:
            include_children: show the children themselves, not only their ids.
            indent: spaces in front of every line.
        """
        attrs = masked(self.get_attrs(), self.get_sensitive_fields())
        lines = [f"{' ' * indent}{self.get_type()}: {self.get_unique_id()}: {python_string(attrs)}"]
        for modelname, field in self._children.items():
            uids, owner = getattr(self, field), self.dsync
            lines.append(f"{' ' * indent}  {field}")
            if not uids or owner is None or not include_children:
                lines[-1] += f": {uids}"
                continue
            for uid in uids:
                child = owner.get_or_none(modelname, uid)
                lost = f"{' ' * (indent + 4)}{modelname}: {uid}: (not in the dataset)"
                lines.append(lost if child is None else child.str(include_children, indent + 4))
        return "\n".join(lines)

    def dict(self, *, show_sensitive: bool = False, **kwargs: Any) -> Dict[Text, Any]:
        """Return the fields as a new dict, sensitive values masked.

        Args:
            show_sensitive: do not mask sensitive values.
            kwargs: as for ``model_dump``.
        """
        data = self.model_dump(**kwargs)
        return data if show_sensitive else masked(data, self.get_sensitive_fields())


class Snapshot:
    """A snapshot of an object that can be restored without validation: its fields, its private attributes, and which fields
    were given.

    Args:
        obj: the object; not changed. Lists, dicts and sets among its attributes are copied at any depth, and those among its
            private attributes without what is in them.
    """

    __slots__ = ("_attributes", "_extra", "_fields", "_given", "_obj", "_private")

    def __init__(self, obj: DSyncModel) -> None:
        fields = fields_of(obj)
        self._obj, self._fields = obj, dict(fields)
        self._attributes = copied(obj._declaration.attributes_in(fields))
        given = obj.__pydantic_fields_set__
        self._given = given if isinstance(given, GivenFields) else set(given)
        self._private, self._extra = _copied(obj.__pydantic_private__), _copied(obj.__pydantic_extra__)

    def restore(self) -> None:
        """Restore the object to the snapshot; this may be done more than once."""
        _set_uid(self._obj, None)
        _set_fields(self._obj, {**self._fields, **copied(self._attributes)})
        _set_given(self._obj, self._given if isinstance(self._given, GivenFields) else set(self._given))
        _set_private(self._obj, _copied(self._private))
        _set_extra(self._obj, _copied(self._extra))


def of_fields(cls: type[DSyncModel], fields: Dict[Text, Any], given: set[Text], owner: Owner) -> DSyncModel:
    """Return a new object from values that its class has validated.

    Args:
        cls: its class, which has no private attributes.
        fields: the values of all fields; the object keeps this dict.
        given: the names of the fields that were given; not changed.
        owner: the dataset that holds the object.
    """
    obj = cls.__new__(cls)
    _set_fields(obj, fields)
    _set_given(obj, given)
    _set_extra(obj, None)
    _set_private(obj, None)
    _set_uid(obj, None)
    _set_owner(obj, owner)
    return obj


def _copied(values: Dict[Text, Any] | None) -> Dict[Text, Any] | None:
    if values is None:
        return None
    return {name: copy.copy(value) if isinstance(value, (list, Dict, set)) else value for name, value in values.items()}


def _slot(name: Text, owner: type[Any] = DSyncModel) -> tuple[Callable[[Any], Any], Callable[[Any, Any], None]]:
    descriptor = owner.__dict__[name]
    return descriptor.__get__, descriptor.__set__


_get_owner, _set_owner = _slot("_dsync")
set_owner = _set_owner
"""``set_owner(obj, dsync)`` is ``obj.dsync = dsync`` without the overhead of pydantic."""
_get_flags, _set_flags = _slot("_flags")
_get_state, _set_state = _slot("_state")
_get_uid, _set_uid = _slot("_uid")
_set_given = _slot("__pydantic_fields_set__", BaseModel)[1]
_set_extra = _slot("__pydantic_extra__", BaseModel)[1]
_set_private = _slot("__pydantic_private__", BaseModel)[1]
fields_of, _set_fields = _slot("__dict__", BaseModel)
"""``fields_of(obj)`` is ``obj.__dict__``, in C."""
DSyncModel._declaration = declare(DSyncModel)
