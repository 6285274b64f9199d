# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Equality and copies of attribute values.

Python's ``==`` decides, with four corrections: NaN equals itself; if a field's type does not distinguish
booleans from numbers, ``True`` is not ``1``; a member of an enumeration whose value is a string equals that string (a member whose
value is a number equals no string); and pydantic models and dataclasses are equal if they have the same class and their fields are
equal, whatever their serialisation omits and whatever they contain in addition to fields.
"""

from __future__ import annotations

import copy
import enum
import math
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from .._util.contents import contents
from .._util.plain_json import unshowable

_NUMBERS = (int, float, complex, Decimal)
_SIMPLE = frozenset({str, int, bool, bytes, type(None)})
_BY_ITEMS = (list.__eq__, tuple.__eq__)
_CONTAINERS = (list, tuple, set, frozenset, dict)
_COPIED = (list, tuple, set, dict, bytearray)


def same_value(left: Any, right: Any, exact: bool = False) -> bool:
    """Return whether two values of an attribute are the same; changes neither.

    Args:
        left: a value of one side.
        right: a value of the other side.
        exact: distinguish booleans from numbers, at any depth of lists, sets and dicts.
    """
    if left is right:
        return True
    if left.__class__ is right.__class__ and left.__class__ in _SIMPLE:
        return bool(left == right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if left.keys() != right.keys() or (exact and _truth_values(left) != _truth_values(right)):
            return False
        return all(same_value(left[key], right[key], exact) for key in left)
    if isinstance(left, (list, tuple)) and left.__class__ is right.__class__ and left.__class__.__eq__ in _BY_ITEMS:
        return len(left) == len(right) and all(same_value(*pair, exact) for pair in zip(left, right))
    if exact and isinstance(left, (set, frozenset)) and isinstance(right, (set, frozenset)):
        return left == right and _truth_values(left) == _truth_values(right)
    if exact and isinstance(left, bool) is not isinstance(right, bool):
        return False
    if _has_fields(left) and _has_fields(right):
        return left.__class__ is right.__class__ and same_value(contents(left), contents(right), exact)
    return bool(left == right) or (_is_nan(left) and _is_nan(right)) or _is_same_string(left, right)


def _is_same_string(left: Any, right: Any) -> bool:
    """Return whether values, or those of sets, are the same if members of enumerations are replaced by their strings."""
    if isinstance(left, (set, frozenset)) and isinstance(right, (set, frozenset)):
        found = {text_of(value) for value in left}
        return len(left) == len(right) == len(found) and found == {text_of(value) for value in right}
    return (isinstance(left, enum.Enum) or isinstance(right, enum.Enum)) and bool(text_of(left) == text_of(right))


def text_of(value: Any) -> Any:
    """Return the string of a member of an enumeration; any other value as it is."""
    return value.value if isinstance(value, enum.Enum) and isinstance(value.value, str) else value


class Texts(NamedTuple):
    """What a field holds for a string.

    Attributes:
        kinds: the enumerations whose members it may hold.
        members: string → the only member with that value; empty if the field may hold strings as well.
        plain: whether it may hold strings.
    """

    kinds: frozenset[type[enum.Enum]]
    members: Mapping[str, enum.Enum]
    plain: bool

    def as_declared(self, value: Any) -> Any:
        """Return what the field holds for a string or a member of an enumeration; any other value as it is."""
        text = text_of(value)
        if not isinstance(text, str) or value.__class__ in self.kinds:
            return value
        return self.members.get(text, text if self.plain else value)


def texts_of(annotation: Any) -> Texts:
    """Return what a field of this type holds for a string."""
    leaves = {leaf for leaf in leaf_types(annotation) if isinstance(leaf, type)}
    kinds = frozenset(leaf for leaf in leaves if issubclass(leaf, enum.Enum))
    members = [member for kind in kinds for member in kind if isinstance(member.value, str)]
    counts = Counter(member.value for member in members)
    plain = str in leaves
    return Texts(kinds, {} if plain else {one.value: one for one in members if counts[one.value] == 1}, plain)


def python_string(value: Any) -> str:
    """Return the ``repr`` of a value, or its type if it has none, such as an integer with too many digits."""
    try:
        return repr(value)
    except Exception:  # whatever a user's own type raises
        return unshowable(value)


def copied(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a new dict of the same values, in which containers, models and dataclasses are copies at any depth; empty for None.
    What cannot be copied is the value itself."""
    return {
        name: value if value.__class__ in _SIMPLE or not (isinstance(value, _COPIED) or _has_fields(value)) else _copy(value)
        for name, value in (values or {}).items()
    }


def _has_fields(value: Any) -> bool:
    return hasattr(value, "__pydantic_fields_set__") or hasattr(value, "__dataclass_fields__")


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a user's own type raises
        return value


def _truth_values(values: Iterable[Any]) -> set[Any]:
    return {value for value in values if isinstance(value, bool)}


def _is_nan(value: Any) -> bool:
    return value.is_nan() if isinstance(value, Decimal) else isinstance(value, float) and math.isnan(value)


def leaf_types(annotation: Any) -> Iterator[Any]:
    """Yield every type that an annotation is made of: the members of unions, the items of containers, the container itself."""
    origin = typing.get_origin(annotation)
    meant = next(_meant(annotation), None)
    if meant is not None:
        yield from leaf_types(meant)
    elif origin is typing.Literal:
        yield from (type(value) for value in typing.get_args(annotation))
    elif origin is typing.Annotated:
        yield from leaf_types(typing.get_args(annotation)[0])
    elif origin is None:
        yield annotation
    else:
        if isinstance(origin, type) and issubclass(origin, _CONTAINERS):
            yield from () if typing.get_args(annotation) else (Any,)
        elif hasattr(origin, "get_secret_value"):
            yield origin
        for argument in typing.get_args(annotation):
            if argument is not Ellipsis:
                yield from leaf_types(argument)


def holds_unordered(annotation: Any) -> bool:
    """Return whether a field of this type may hold values that are equal in any order, at any depth: sets and dicts."""
    kind = typing.get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, (set, frozenset, Mapping)):
        return True
    return any(holds_unordered(part) for part in (*typing.get_args(annotation), *_meant(annotation)))


def _meant(annotation: Any) -> Iterator[Any]:
    """Yield what a name of a type is for: type X = ..., NewType."""
    meant = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    if meant is not None:
        yield meant


def _is_open(leaf: Any) -> bool:
    """Whether a field of this type takes values of any type."""
    return leaf in (Any, object) or leaf in _CONTAINERS or not isinstance(leaf, type)


def _value_types(leaf: Any) -> Iterator[Any]:
    """Yield the types of the values of a leaf type: those of an enumeration's members, otherwise the type itself."""
    if isinstance(leaf, type) and issubclass(leaf, enum.Enum):
        yield from (type(member.value) for member in leaf)
    else:
        yield leaf


def needs_exact(annotation: Any) -> bool:
    """Return whether a field of this type may hold both booleans and numbers, so that ``1`` and ``True`` must differ."""
    leaves = [leaf for leaf in leaf_types(annotation) if leaf is not None]
    return any(map(_is_open, leaves)) or (bool in leaves and any(number in leaves for number in _NUMBERS))


def may_hold_times(annotation: Any) -> bool:
    """Return whether a field of this type may hold a datetime."""
    leaves = [leaf for leaf in leaf_types(annotation) if leaf is not None]
    return any(_is_open(leaf) or issubclass(datetime, leaf) or issubclass(leaf, datetime) for leaf in leaves)


def mixes_strings(annotation: Any) -> bool:
    """Return whether a field of this type may hold strings as well as other values."""
    leaves = [kind for leaf in leaf_types(annotation) for kind in _value_types(leaf)]
    text = [isinstance(leaf, type) and issubclass(leaf, str) for leaf in leaves]
    return any(map(_is_open, leaves)) or (any(text) and (not all(text) or len(set(leaves)) > 1))


def allows_none(annotation: Any) -> bool:
    """Return whether a field of this type may be None."""
    return any(kind in (None, type(None), Any) for kind in members_of(annotation))


def members_of(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union; anything else is the only member of itself."""
    if getattr(annotation, "__metadata__", None) is not None:
        yield from members_of(annotation.__origin__)
    elif type(annotation).__name__ in ("UnionType", "_UnionGenericAlias", "Union"):
        for member in annotation.__args__:
            yield from members_of(member)
    else:
        yield annotation
