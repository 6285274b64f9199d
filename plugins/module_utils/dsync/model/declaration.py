# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The declarations of a model class, checked once when the class is created and prepared for use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from .._util.pydantic import BaseModel, TypeAdapter, ValidationError
from .._util.suggestions import known
from ..exceptions import DeclarationError
from ..flags import DSyncAction
from .comparison import UNORDERED, Comparison, comparison_in, comparison_of
from .identity import Key, id_reader, unique_id_builder
from .values import allows_none, holds_unordered, leaf_types, members_of, mixes_strings, needs_exact, texts_of

RESERVED = ("dsync", "model_flags")
"""Names that every model already uses, so that no field may have them."""


def picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that takes the named values out of a dict, in C: as a tuple, or as the value itself if there is one."""
    return itemgetter(*names) if names else lambda fields: ()


def tuple_reader(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that reads the named attributes of an object as a tuple, also if there is just one."""
    if len(names) == 1:
        single = attrgetter(names[0])
        return lambda obj: (single(obj),)
    return attrgetter(*names) if names else lambda obj: ()


def dict_reader(names: Sequence[str]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function that takes the named values out of a dict, as a new dict."""
    if len(names) == 1:
        (single,) = names
        return lambda fields: {single: fields[single]}
    pick = picker(names)
    return lambda fields: dict(zip(names, pick(fields)))


class Reference(NamedTuple):
    """A field whose values refer to other objects.

    Attributes:
        field: its name.
        models: the possible models of such an object.
        optional: whether an object can be created without it, and an update can set it.
    """

    field: str
    models: tuple[str, ...]
    optional: bool


class Unique(NamedTuple):
    """Fields of which a system lets no two objects have the same values.

    Attributes:
        fields: their names.
        nullable: those of them that an update may set to null, so that their values are free.
        null_counts: whether null is a value that only one object may have; otherwise any number of objects may.
    """

    fields: tuple[str, ...]
    nullable: tuple[str, ...]
    null_counts: bool = False


class Declaration:
    """The declarations of one model class.

    Attributes:
        identifiers: names of the identifying fields, in order.
        attributes: names of the compared fields, in order.
        children: model name of a child → name of the field that lists such children.
        sensitive: fields whose values are never shown.
        exact: attributes in which ``1`` and ``True`` differ (see :mod:`.model.values`).
        nested: attributes that may hold pydantic models or dataclasses.
        mixed: for each identifier: whether its field may hold strings as well as other values.
        comparisons: identifier or attribute → how its values compare, if that is declared.
        lacking: required attributes that are never written: read-only ones without a default.
        references: the fields whose values refer to other objects.
        unique: tuples of fields whose values are unique.
        nullable: attributes that an update may set to null.
        match: tuples of fields by which an object is found that has another identity on the other side.
        given_as: sensitive field → the name under which its value is given: an alias, or its own.
        unique_id: turns the identifiers' values, in order, into the unique id.
        unique_id_given: the same for values as given by a user, such as a decimal number as a string.
        same_id: turns a unique id in any spelling into the object's own spelling; None if there is only one spelling.
        unique_id_of: reads the unique id of an object.
        identifiers_in: returns the identifiers in an object's dict of fields, as a new dict.
        attributes_in: the same for the attributes.
    """

    def __init__(self, cls: type[Any], annotations: Mapping[str, Any]) -> None:
        self.identifiers: tuple[str, ...] = tuple(cls._identifiers)
        self.attributes: tuple[str, ...] = tuple(cls._attributes)
        self.shortname: tuple[str, ...] = tuple(cls._shortname)
        self.children: dict[str, str] = dict(cls._children)
        self.sensitive = frozenset(cls._sensitive) | frozenset(filter(lambda name: is_secret(annotations[name]), annotations))
        self.nested = frozenset(name for name in self.attributes if is_nested(annotations[name]))
        self.exact = self.nested | {name for name in self.attributes if needs_exact(annotations[name])}
        self._texts = {name: texts_of(annotations[name]) for name in self.attributes}
        self._enums = frozenset(name for name, texts in self._texts.items() if texts.members)
        self.identifiers_in = dict_reader(self.identifiers)
        self.attributes_in = dict_reader(self.attributes)
        self.mixed = tuple(mixes_strings(annotations[name]) for name in self.identifiers)
        self.comparisons = _comparisons(cls, (*self.identifiers, *self.attributes))
        keys = [self.comparisons[name].key if name in self.comparisons else None for name in self.identifiers]
        given = [key or _typed_key(cls, name) for name, key in zip(self.identifiers, keys)]
        self.unique_id = unique_id_builder(self.mixed, keys)
        self.unique_id_given = unique_id_builder(self.mixed, given) if any(given) else self.unique_id
        self.same_id = id_reader(self.mixed, given) if any(given) and not cls.overrides("create_unique_id") else None
        self.unique_id_of = self._unique_id_reader(annotations, any(keys))
        self._not_counted = {
            DSyncAction.CREATE: frozenset(cls._read_only),
            DSyncAction.UPDATE: frozenset((*cls._read_only, *cls._create_only)),
            DSyncAction.MOVE: frozenset((*cls._read_only, *cls._create_only)),
            DSyncAction.DELETE: frozenset((*cls._read_only, *cls._create_only)),
        }
        self.lacking = tuple(name for name in cls._read_only if cls.model_fields[name].is_required())
        self.references = tuple(self._references(cls, annotations))
        self.unique, self.match = _groups(cls._unique), _groups(cls._match)
        settable = self.counted(DSyncAction.UPDATE, dict.fromkeys(self.attributes))
        self.nullable = frozenset(name for name in settable if allows_none(annotations[name]))
        self.given_as = {name: cls.model_fields[name].alias or name for name in self.sensitive}

    def counted(self, action: DSyncAction, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of an object that are relevant for an action, as a new dict.

        A create, an update and a move write these; for all actions except create, an existing object matches if these
        match. Read-only attributes are never relevant, and create-only attributes only for a create.

        Args:
            action: create, update, move or delete.
            values: attribute → value; not changed.
        """
        return {name: value for name, value in values.items() if name not in self._not_counted[action]}

    def as_declared(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return attributes in which strings and members of other enumerations are what the model declares: a member of its own
        enumeration, or a string. A value that it does not declare is left as it is.

        Args:
            values: attribute → value; changed in place.
        """
        for name, value in values.items():
            if (name in self._enums or isinstance(value, Enum)) and name in self._texts:
                values[name] = self._texts[name].as_declared(value)
        return values

    def uniques(self) -> tuple[Unique, ...]:
        """Return the fields that are declared to be unique."""
        return tuple(Unique(fields, tuple(name for name in fields if name in self.nullable)) for fields in self.unique)

    def _references(self, cls: type[Any], annotations: Mapping[str, Any]) -> Iterator[Reference]:
        settable = self.counted(DSyncAction.UPDATE, dict.fromkeys(self.attributes))
        for name, models in cls._references.items():
            annotation = annotations[name]
            several = any(getattr(leaf, "__origin__", leaf) in (list, set) for leaf in members_of(annotation))
            optional = name in settable and (several or allows_none(annotation))
            yield Reference(name, (models,) if isinstance(models, str) else tuple(models), optional)

    def _unique_id_reader(self, annotations: Mapping[str, Any], compared: bool) -> Callable[[Any], str]:
        if len(self.identifiers) == 1 and annotations[self.identifiers[0]] is str and not compared:
            return attrgetter(self.identifiers[0])
        values, unique_id = tuple_reader(self.identifiers), self.unique_id
        return lambda obj: unique_id(values(obj))


_MANY_SPELLINGS = (Decimal, float, datetime, time)
"""Types whose equal values may have different string forms."""


def _comparisons(cls: type[Any], names: Iterable[str]) -> dict[str, Comparison]:
    found = {name: comparison_in(cls.model_fields[name].metadata) for name in names}
    return {name: comparison for name, comparison in found.items() if comparison is not None}


def _typed_key(cls: type[Any], name: str) -> Key | None:
    """Return the function that parses a string of an identifier's type if equal values have several string forms; else None."""
    field = cls.model_fields[name]
    leaves = [leaf for leaf in leaf_types(field.annotation) if isinstance(leaf, type)]
    if any(issubclass(leaf, str) for leaf in leaves) or not any(issubclass(leaf, _MANY_SPELLINGS) for leaf in leaves):
        return None
    adapters: list[TypeAdapter[Any]] = []

    def key(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not adapters:
            adapters.append(TypeAdapter(field.annotation))
        try:
            return adapters[0].validate_python(value)
        except ValidationError:
            return value

    return key


def compare_as_declared(cls: type[Any]) -> bool:
    """Add the comparisons that a class declares in ``_compare`` to the metadata of its fields; return whether there were any.

    Args:
        cls: a subclass of DSyncModel; its fields are changed, and it must be rebuilt then.

    Raises:
        DeclarationError: naming the class and the field.
    """
    if not isinstance(cls._compare, dict):
        raise DeclarationError(f"{cls.__name__}._compare must be a dict of field name to comparison, not {cls._compare!r}")
    _check_fields(cls, "_compare", cls._compare, cls.model_fields)
    changed = False
    for name, said in cls._compare.items():
        if name not in (*cls._identifiers, *cls._attributes):
            raise DeclarationError(f"{cls.__name__}._compare names {name!r}, which is not one of its identifiers and attributes")
        field = cls.model_fields[name]
        try:
            names = _names(cls, f"_compare[{name!r}]", (said,) if isinstance(said, str) else said)
            comparison = comparison_of(names, field.annotation)
        except DeclarationError as error:
            raise DeclarationError(f"{cls.__name__}._compare[{name!r}]: {error}") from None
        if comparison_in(field.metadata) != comparison:
            field.metadata = [*(one for one in field.metadata if not isinstance(one, Comparison)), comparison]
            changed = True
    return changed


def is_secret(annotation: Any, above: tuple[Any, ...] = ()) -> bool:
    """Return whether a field of this type may hold a secret, itself or in a field of a nested pydantic model."""
    for leaf in leaf_types(annotation):
        if hasattr(leaf, "get_secret_value"):
            return True
        nested = leaf.model_fields if isinstance(leaf, type) and issubclass(leaf, BaseModel) and leaf not in above else {}
        if any(is_secret(field.annotation, (*above, leaf)) for field in nested.values()):
            return True
    return False


def is_nested(annotation: Any) -> bool:
    """Return whether a field of this type may hold a pydantic model or a dataclass."""
    return any(
        isinstance(leaf, type) and (issubclass(leaf, BaseModel) or hasattr(leaf, "__dataclass_fields__"))
        for leaf in leaf_types(annotation)
    )


def _check_references(cls: type[Any], annotations: Mapping[str, Any]) -> None:
    if not isinstance(cls._references, dict):
        raise DeclarationError(f"{cls.__name__}._references must be a dict of field name to model name, not {cls._references!r}")
    _check_fields(cls, "_references", cls._references, annotations)
    for name, models in cls._references.items():
        if name not in (*cls._identifiers, *cls._attributes):
            raise DeclarationError(f"{cls.__name__}._references names {name!r}, which is not one of its identifiers and attributes")
        if not isinstance(models, str) and not (
            isinstance(models, tuple) and models and all(isinstance(one, str) for one in models)
        ):
            raise DeclarationError(
                f"{cls.__name__}._references[{name!r}] must be a model's name, or a tuple of such names, not {models!r}"
            )


def _groups(declared: Iterable[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((one,) if isinstance(one, str) else tuple(one) for one in declared)


def _check_groups(cls: type[Any], group: str, annotations: Mapping[str, Any]) -> None:
    declared = getattr(cls, group)
    one_or_several = isinstance(declared, (tuple, list)) and all(
        isinstance(one, str) or (isinstance(one, (tuple, list)) and one and all(isinstance(name, str) for name in one))
        for one in declared
    )
    if not one_or_several:
        raise DeclarationError(f"{cls.__name__}.{group} must be a tuple of field names, or of tuples of such, not {declared!r}")
    for one in declared:
        names = (one,) if isinstance(one, str) else one
        _check_fields(cls, group, names, annotations)
        for name in names:
            if name not in (*cls._identifiers, *cls._attributes):
                raise DeclarationError(f"{cls.__name__}.{group} names {name!r}, which is not one of its identifiers and attributes")


def declare(cls: type[Any]) -> Declaration:
    """Check the declarations of a model class and return them.

    Args:
        cls: a complete subclass of DSyncModel.

    Raises:
        DeclarationError: a declaration names an unknown field, a field is in two groups, or a sensitive field identifies
            objects; the message names the class and the field.
    """
    annotations = {name: field.annotation for name, field in cls.model_fields.items()}
    groups: dict[str, tuple[str, ...]] = {}
    for group in ("_identifiers", "_attributes", "_shortname", "_sensitive", "_create_only", "_read_only"):
        groups[group] = _names(cls, group, getattr(cls, group))
    if not isinstance(cls._children, dict):
        raise DeclarationError(f"{cls.__name__}._children must be a dict of model name to field name, not {cls._children!r}")
    groups["_children"] = tuple(cls._children.values())
    for reserved in RESERVED:
        if reserved in annotations:
            raise DeclarationError(f"{cls.__name__} has a field {reserved!r}, which is a name that every model uses already")
    _check_fields_of(cls, annotations)
    for group, names in groups.items():
        _check_fields(cls, group, names, annotations)
    for action in _names(cls, "_protected", cls._protected):
        if action not in list(DSyncAction):
            raise DeclarationError(f"{cls.__name__}._protected names {action!r}, which is not one of {', '.join(DSyncAction)}")
    _check_apart(cls, groups, ("_identifiers", "_attributes", "_children"))
    for group in ("_create_only", "_read_only"):
        for name in groups[group]:
            if name not in groups["_attributes"]:
                raise DeclarationError(f"{cls.__name__}.{group} names {name!r}, which is not one of its _attributes")
    _check_apart(cls, groups, ("_create_only", "_read_only"))
    _check_references(cls, annotations)
    _check_groups(cls, "_unique", annotations)
    _check_groups(cls, "_match", annotations)
    _check_identifiers(cls, annotations)
    declaration = Declaration(cls, annotations)
    for group in ("_identifiers", "_shortname"):
        for name in groups[group]:
            if name in declaration.sensitive:
                raise DeclarationError(f"{cls.__name__}: the sensitive field {name!r} cannot be in {group}, which are shown")
    return declaration


def _check_fields_of(cls: type[Any], annotations: Mapping[str, Any]) -> None:
    """Raise DeclarationError if a field hides a method of every model, or can only be set by an alias."""
    methods = vars(next(ancestor for ancestor in reversed(cls.__mro__) if "_modelname" in vars(ancestor)))
    by_name = cls.model_config.get("populate_by_name") or cls.model_config.get("validate_by_name")
    for name in annotations:
        if name in methods:
            raise DeclarationError(f"{cls.__name__} has a field {name!r}, which is a method of every model; give it another name")
        field = cls.model_fields[name]
        if not by_name and name in (*cls._identifiers, *cls._attributes) and (field.validation_alias or field.alias):
            raise DeclarationError(
                f"{cls.__name__}: the field {name!r} has an alias and cannot be set by its name, so no object could be created; "
                "do not change populate_by_name in model_config"
            )


def _check_identifiers(cls: type[Any], annotations: Mapping[str, Any]) -> None:
    for name in cls._identifiers:
        comparison = comparison_in(cls.model_fields[name].metadata)
        if comparison is not None and UNORDERED in comparison.names:
            raise DeclarationError(f"{cls.__name__}: the identifier {name!r} cannot be unordered, because an id is one string")
        if holds_unordered(annotations[name]) and not cls.overrides("create_unique_id"):
            raise DeclarationError(
                f"{cls.__name__}: the identifier {name!r} cannot be a set or a dict, whose string form can vary; "
                "give it another type, such as a tuple"
            )


def _names(cls: type[Any], group: str, declared: Any) -> tuple[str, ...]:
    if not isinstance(declared, (tuple, list)) or not all(isinstance(name, str) for name in declared):
        raise DeclarationError(f"{cls.__name__}.{group} must be a tuple of field names, not {declared!r}")
    return tuple(declared)


def _check_fields(cls: type[Any], group: str, names: Iterable[str], fields: Mapping[str, Any]) -> None:
    seen: set[str] = set()
    for name in names:
        if name not in fields:
            raise DeclarationError(
                f"{cls.__name__}.{group} names {name!r}, but {cls.__name__} has no such field{known(name, fields)}; "
                "a field needs a type annotation"
            )
        if name in seen:
            raise DeclarationError(f"{cls.__name__}.{group} names the field {name!r} twice")
        seen.add(name)


def _check_apart(cls: type[Any], groups: Mapping[str, tuple[str, ...]], exclusive: Sequence[str]) -> None:
    place: dict[str, str] = {}
    for group in exclusive:
        for name in groups[group]:
            if name in place:
                raise DeclarationError(
                    f"{cls.__name__}: the field {name!r} is in both {place[name]} and {group}; it can only be in one of them"
                )
            place[name] = group
