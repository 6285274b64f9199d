# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How the objects of one model are compared: determined once for each model of a comparison, not for each object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import methodcaller
from typing import Any

from .._util.contents import flattened
from ..dataset.columns import Rows
from ..dataset.dataset import Dataset
from ..exceptions import ModelMismatch
from ..model.comparison import Comparison
from ..model.declaration import picker
from ..model.identity import SEPARATOR
from ..model.model import DSyncModel, fields_of
from ..model.values import may_hold_times, same_value

_VALUE_METHODS = ("get_attrs", "get_identifiers")
"""Methods that decide which values are compared; if a class overrides one, it is called for every object."""


@dataclass(frozen=True)
class ShortNames:
    """How the short names of siblings are read.

    Attributes:
        read: returns the short names, or their parts, of many objects.
        start: returns the part of an object's unique id before its short name; empty if the id does not contain it.
        names: the fields that are the short name; empty if the objects are asked for it.
    """

    read: Callable[[Iterable[DSyncModel]], Iterable[Any]]
    start: Callable[[DSyncModel], str]
    names: tuple[str, ...] = ()

    def are_distinct(self, uids: Sequence[str], siblings: Sequence[DSyncModel]) -> bool:
        """Return whether no two siblings, given with their distinct unique ids, have the same short name.

        If all ids start alike, like those of the interfaces of one device, the short names must differ because the ids do.
        """
        if len(siblings) < 2:
            return True
        if self.names and isinstance(siblings, Rows) and not siblings.made():
            columns = [siblings.column(name) for name in self.names]
            return len(set(zip(*columns) if len(columns) > 1 else columns[0])) == len(siblings)
        start = self.start(siblings[0])
        if start and min(uids).startswith(start) and max(uids).startswith(start):
            return True
        return len(set(self.read(siblings))) == len(siblings)


@dataclass(frozen=True)
class Reader:
    """How the objects of one side are read, from their fields unless their class overrides the methods.

    Attributes:
        name: returns an object's short name.
        identifiers: returns a new dict of an object's identifiers.
        attributes: returns a new dict of an object's attributes.
        shortnames: the short names of siblings; None if they are the unique ids.
    """

    name: Callable[[DSyncModel], str]
    identifiers: Callable[[DSyncModel], dict[str, Any]]
    attributes: Callable[[DSyncModel], dict[str, Any]]
    shortnames: ShortNames | None


@dataclass(frozen=True)
class FieldComparison:
    """Compares objects by their dicts of fields, without calling a method of any object.

    Attributes:
        names: the compared attributes, in the order of the source.
        exact: attributes in which ``1`` and ``True`` differ.
        pick: returns the compared values in an object's dict of fields; None if these are all of them.
    """

    names: tuple[str, ...]
    exact: frozenset[str]
    pick: Callable[[Any], Any] | None

    def differ(self, source: DSyncModel, target: DSyncModel) -> bool:
        """Return whether two objects with one identity differ in an attribute."""
        left, right, pick = fields_of(source), fields_of(target), self.pick
        if not self.exact and (left == right if pick is None else pick(left) == pick(right)):
            return False
        return any(not same_value(left[name], right[name], name in self.exact) for name in self.names)

    def values(self, objs: Iterable[DSyncModel]) -> Iterator[Any]:
        """Return a value for each object; unless there are ``exact`` attributes, objects with equal values are equal."""
        fields = map(fields_of, objs)
        return fields if self.pick is None else map(self.pick, fields)


@dataclass(frozen=True)
class ObjectComparison:
    """Compares objects by the attributes that they are asked for.

    Attributes:
        names: the compared attributes, in the order of the source.
        exact: attributes in which ``1`` and ``True`` differ.
        narrowed: whether there are other attributes, which are not compared.
        source: reads the source's objects.
        target: reads the target's objects.
        unknown: unique id → attributes of that object that are not compared.
    """

    names: tuple[str, ...]
    exact: frozenset[str]
    narrowed: bool
    source: Reader
    target: Reader
    unknown: Mapping[str, frozenset[str]]

    def differ(self, source: DSyncModel, target: DSyncModel) -> bool:
        """Return whether two objects with one identity differ in an attribute."""
        old, new = self.target.attributes(target), self.source.attributes(source)
        names = self.names if self.narrowed else new
        unknown = self.unknown.get(source.get_unique_id(), ()) if self.unknown else ()
        both = [name for name in names if name in new and name in old and name not in unknown]
        return any(not same_value(new[name], old[name], name in self.exact) for name in both)


@dataclass(frozen=True)
class ChildKinds:
    """The kinds of child of a model.

    Attributes:
        common: (model, the source's field, the target's field) for each kind that both sides have.
        source_only: (model, field) of the kinds that only the source has.
        target_only: (model, field) of the kinds that only the target has.
    """

    common: tuple[tuple[str, str, str], ...]
    source_only: tuple[tuple[str, str], ...]
    target_only: tuple[tuple[str, str], ...]

    @property
    def is_leaf(self) -> bool:
        """Whether the objects have no children on either side."""
        return not (self.common or self.source_only or self.target_only)


@dataclass(frozen=True)
class Matching:
    """How the objects of one model are compared.

    Attributes:
        model: the model's name.
        identifiers: names of the identifying fields, in order.
        by: compares two objects.
        narrowed: whether there are attributes that are not compared.
        comparisons: identifier or attribute → its comparison as declared by the source.
        sensitive: attributes that are never shown.
        read_only: attributes that cannot be written to the target.
        unknown: unique id → attributes of that object that are not compared.
        kept: unique id → attribute of that object that must not be changed in the target → why.
        children: the kinds of child.
        source: how the source's objects are read for a difference.
        target: the same for the target.
        uses_flags: whether an object may have its own flags or flags of its class.
        flags_matter: whether these may exclude an object.
        times: the compared attributes that may hold a datetime.
    """

    model: str
    identifiers: tuple[str, ...]
    by: FieldComparison | ObjectComparison
    narrowed: bool
    comparisons: Mapping[str, Comparison]
    sensitive: frozenset[str]
    read_only: frozenset[str]
    unknown: Mapping[str, frozenset[str]]
    kept: Mapping[str, Mapping[str, str]]
    children: ChildKinds
    source: Reader
    target: Reader
    uses_flags: bool
    flags_matter: bool
    times: tuple[str, ...]


def matching_of(model: str, source: Dataset, target: Dataset, only: frozenset[str] | None = None) -> Matching:
    """Determine how the objects of ``model`` on two sides are compared.

    Args:
        model: the model's name; the adapters' classes or their objects define the model of each side.
        source: the dataset with the desired state.
        target: the dataset to change.
        only: the attributes to compare; None for all that both sides have.

    Raises:
        ModelMismatch: a side does not have the model, or the two identify its objects by different fields.
    """
    left, right = _model_class(model, source, target), _model_class(model, target, source)
    _check_identity(model, source.name, left, target.name, right)
    kinds = source.store.kinds(model) | target.store.kinds(model) | {left, right}
    skipped = {name for kind in kinds for name in kind._create_only} | source.unmanaged.get(model, frozenset())
    common = (name for name in left._attributes if name in right._attributes)
    names = tuple(name for name in common if name not in skipped and (only is None or name in only))
    unlike = frozenset(name for name in names if _unlike_nested(name, kinds))
    blank = _blank(model, source, target.without_empty(model) & set(names))
    narrowed, exact = only is not None or bool(skipped), frozenset().union(*(kind._declaration.exact for kind in kinds))
    of_source = _without_empty(_reader(source.store.kinds(model), left, unlike), blank)
    of_target = _reader(target.store.kinds(model), right, unlike)
    uniform = source.store.kinds(model) <= {left} and target.store.kinds(model) <= {right}
    unknown = _unknown(model, source, target)
    by: FieldComparison | ObjectComparison = ObjectComparison(names, exact, narrowed, of_source, of_target, unknown)
    if uniform and not unlike and not blank and not unknown and not any(map(_asks_objects, kinds)):
        whole = all(set(kind.model_fields) == {*kind._identifiers, *names} for kind in kinds)
        by = FieldComparison(names, exact, None if whole else picker(names))
    return Matching(
        model=model,
        identifiers=left._declaration.identifiers,
        by=by,
        narrowed=narrowed,
        comparisons=left._declaration.comparisons,
        sensitive=frozenset().union(*(kind._declaration.sensitive for kind in kinds)),
        read_only=frozenset().union(*(kind._read_only for kind in target.store.kinds(model) | {right})),
        unknown=unknown,
        kept=target.kept_values.get(model, {}),
        children=_child_kinds(left._children, right._children),
        source=of_source,
        target=of_target,
        uses_flags=any(kind._uses_flags for kind in kinds),
        flags_matter=any(kind._flags_matter for kind in kinds),
        times=tuple(name for name in names if _may_hold_times(name, kinds)),
    )


def _check_identity(model: str, source: str, left: type[DSyncModel], target: str, right: type[DSyncModel]) -> None:
    """Raise ModelMismatch if the classes of two sides do not identify their objects alike."""
    if left._declaration.identifiers != right._declaration.identifiers:
        raise ModelMismatch(
            f'the model "{model}" is identified by {_listed(left._identifiers)} in {source}, '
            f"but by {_listed(right._identifiers)} in {target}: both sides need the same identifiers in the same order"
        )
    for name, one, other in zip(left._declaration.identifiers, left._declaration.mixed, right._declaration.mixed):
        if one is not other:
            both, single = (source, target) if one else (target, source)
            raise ModelMismatch(
                f'the identifier "{name}" of the model "{model}" may hold strings as well as other values in {both}, '
                f"but not in {single}: give it the same type on both sides"
            )
    for name in left._identifiers:
        ours, theirs = (kind._declaration.comparisons.get(name) for kind in (left, right))
        if ours != theirs:
            raise ModelMismatch(
                f'the identifier "{name}" of the model "{model}" compares {_how(ours)} in {source}, '
                f"but {_how(theirs)} in {target}: declare the same comparison on both sides"
            )


def _child_kinds(left: Mapping[str, str], right: Mapping[str, str]) -> ChildKinds:
    common = tuple((kind, field, right[kind]) for kind, field in left.items() if kind in right)
    return ChildKinds(common, _missing(left, right), _missing(right, left))


def _model_class(model: str, side: Dataset, other: Dataset) -> type[DSyncModel]:
    declared = side.models().get(model)
    if declared is not None:
        return declared
    kinds = side.store.kinds(model)
    if len(kinds) == 1:
        return kinds.pop()
    known = ", ".join(side.models()) or "none"
    raise ModelMismatch(
        f'{side.name} has no model "{model}", which {other.name} has: '
        f'set a class attribute "{model}" on {type(side).__name__} (its models: {known})'
    )


def _asks_objects(kind: type[DSyncModel]) -> bool:
    return any(map(kind.overrides, _VALUE_METHODS))


def _may_hold_times(name: str, kinds: Iterable[type[DSyncModel]]) -> bool:
    return any(may_hold_times(kind.model_fields[name].annotation) for kind in kinds if name in kind.model_fields)


def _unlike_nested(name: str, kinds: Iterable[type[DSyncModel]]) -> bool:
    """Return whether an attribute holds models or dataclasses of different classes on the two sides, so that only their
    content can be compared and written."""
    nested = [kind for kind in kinds if name in kind._declaration.nested]
    annotations = [kind.model_fields[name].annotation for kind in kinds if name in kind.model_fields]
    return bool(nested) and any(annotation != annotations[0] for annotation in annotations)


def _reader(held: set[type[DSyncModel]], declared: type[DSyncModel], unlike: frozenset[str]) -> Reader:
    kinds = held | {declared}
    kind = next(iter(kinds))
    declaration, alone = kind._declaration, len(kinds) == 1
    name: Callable[[DSyncModel], str] = methodcaller("get_shortname")
    identifiers: Callable[[DSyncModel], dict[str, Any]] = methodcaller("get_identifiers")
    attributes: Callable[[DSyncModel], dict[str, Any]] = methodcaller("get_attrs")
    if alone and not kind.overrides("get_shortname") and len(kind._shortname) == 1:
        field = kind._shortname[0]
        if kind.model_fields[field].annotation is str:
            name = _field(field)
    if alone and not kind.overrides("get_identifiers"):
        identifiers = _dict_of_fields(declaration.identifiers)
    if alone and not _asks_objects(kind):
        attributes = _dict_of_fields(declaration.attributes)
    flat = _flattening(attributes, unlike) if unlike else attributes
    return Reader(name, identifiers, flat, _shortname_reader(held or {declared}))


def _unknown(model: str, *sides: Dataset) -> dict[str, frozenset[str]]:
    """Return unique id → attributes of which one of the sides does not know the value."""
    found: dict[str, frozenset[str]] = {}
    for side in sides:
        for uid, names in side.unknown_values.get(model, {}).items():
            found[uid] = found.get(uid, frozenset()) | names
    return found


def _blank(model: str, source: Dataset, names: frozenset[str]) -> frozenset[str]:
    """Return those of some attributes in which an object of the source has an empty string."""
    return frozenset(name for name in names if any(value == "" for value in source.store.values(model, name)))


def _without_empty(reader: Reader, names: frozenset[str]) -> Reader:
    """Return a reader that reads null where an object has an empty string in some attributes."""

    def attributes(obj: DSyncModel) -> dict[str, Any]:
        return {name: None if value == "" and name in names else value for name, value in reader.attributes(obj).items()}

    return replace(reader, attributes=attributes) if names else reader


def _flattening(read: Callable[[DSyncModel], dict[str, Any]], names: frozenset[str]) -> Callable[[DSyncModel], dict[str, Any]]:
    return lambda obj: {name: flattened(value) if name in names else value for name, value in read(obj).items()}


def _field(name: str) -> Callable[[DSyncModel], Any]:
    return lambda obj: fields_of(obj)[name]


def _dict_of_fields(names: Sequence[str]) -> Callable[[DSyncModel], dict[str, Any]]:
    """Return a function that returns a new dict of some fields of an object."""
    if len(names) == 1:
        (single,) = names
        return lambda obj: {single: fields_of(obj)[single]}
    pick = picker(names)
    return lambda obj: dict(zip(names, pick(fields_of(obj))))


def _missing(children: Mapping[str, str], others: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((kind, field) for kind, field in children.items() if kind not in others)


def _shortname_reader(kinds: set[type[DSyncModel]]) -> ShortNames | None:
    """Return how the short names of siblings are distinguished, or None if their unique ids are sufficient."""
    for kind in kinds if len(kinds) == 1 else ():
        if not kind.overrides("get_shortname"):
            if not kind._shortname or set(kind._shortname) >= set(kind._identifiers):
                return None
            return ShortNames(partial(_picked, picker(kind._shortname)), _start_reader(kind), kind._shortname)
    return ShortNames(lambda objs: [obj.get_shortname() for obj in objs], lambda obj: "")


def _picked(pick: Callable[[Any], Any], objs: Iterable[DSyncModel]) -> Iterator[Any]:
    return map(pick, map(fields_of, objs))


def _start_reader(kind: type[DSyncModel]) -> Callable[[DSyncModel], str]:
    """Return a function for the start of an object's unique id, up to its short name: empty unless all identifiers before the
    short name are strings without characters that need an escape (:mod:`.model.identity`)."""
    rest = kind._identifiers[: -len(kind._shortname)]
    asked = any(map(kind.overrides, ("get_unique_id", "create_unique_id", "get_identifiers")))
    if asked or (*rest, *kind._shortname) != tuple(kind._identifiers):
        return lambda obj: ""

    def start(obj: DSyncModel) -> str:
        fields, text = fields_of(obj), ""
        for name in rest:
            value = fields[name]
            if value.__class__ is not str or "_" in value or "\\" in value:
                return ""
            text += value + SEPARATOR
        return text

    return start


def _how(comparison: Comparison | None) -> str:
    return "by equality" if comparison is None else ", ".join(comparison.names)


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"
