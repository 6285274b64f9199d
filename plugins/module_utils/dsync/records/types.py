# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The types of declared attributes: strings such as ``list[int]`` or ``str | None`` → annotations that pydantic understands.

How two values compare is part of a field's type (:mod:`~.model.comparison`): they equal one another as they are declared to,
wherever they are compared, and are shown and written as they came.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
import re
import typing
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .._util.pydantic import AfterValidator, BeforeValidator, SecretStr, TypeAdapter, ValidationError, core_schema
from .._util.suggestions import known
from ..exceptions import DeclarationError, DefinitionError
from ..model.columns import keeps
from ..model.comparison import comparison_of
from ..model.values import allows_none, members_of
from .written import json_loads

SCALARS: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "decimal": Decimal,
    "date": date,
    "datetime": datetime,
    "time": time,
    "timedelta": timedelta,
    "uuid": UUID,
    "ip_address": IPv4Address | IPv6Address,
    "ip_interface": IPv4Interface | IPv6Interface,
    "ip_network": IPv4Network | IPv6Network,
    "ipv4_address": IPv4Address,
    "ipv4_interface": IPv4Interface,
    "ipv4_network": IPv4Network,
    "ipv6_address": IPv6Address,
    "ipv6_interface": IPv6Interface,
    "ipv6_network": IPv6Network,
    "secret": SecretStr,
    "any": Any,
}
"""Name of a type → annotation."""

CONTAINERS: dict[str, tuple[Any, int]] = {"list": (list, 1), "set": (set, 1), "dict": (dict, 2)}
"""Name of a container → its class, and the number of types in its brackets."""

_HASHABLE = SCALARS.keys() - {"any", "secret"}
"""Types of values that can be in a set, or be the key of a dictionary."""


class Near(float):
    """A number that equals any number within the tolerance of its class."""

    __slots__ = ()
    tolerance: ClassVar[float] = 0.0

    def __eq__(self, other: object) -> bool:
        return math.isclose(self, other, rel_tol=0.0, abs_tol=self.tolerance) if isinstance(other, (int, float)) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # two numbers within the tolerance of a third need not be within it of each other


def annotation_of(text: str) -> Any:
    """Return the annotation for a type that is given as a string.

    Raises:
        DefinitionError: a sentence about the problem, without the place.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise DefinitionError(f'"{text}" is not a type; write types like str, list[int], dict[str, int], str | None.') from None
    return _annotation(node, text)


def _annotation(node: ast.expr, whole: str) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _annotation(node.left, whole) | _annotation(node.right, whole)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Name):
        return _named(node.id)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return _container(node.value.id, node.slice, whole)
    raise DefinitionError(f'"{whole}" is not a type; write types like str, list[int], dict[str, int], str | None.')


def _named(name: str) -> Any:
    if name in SCALARS:
        return SCALARS[name]
    if name in CONTAINERS:
        inner = ", ".join(["str", "str"][: CONTAINERS[name][1]])
        raise DefinitionError(f'"{name}" needs a type in brackets: write {name}[{inner}], for example.')
    raise DefinitionError(f'there is no type "{name}"{known(name, [*SCALARS, *CONTAINERS])}.')


def _container(name: str, inner: ast.expr, whole: str) -> Any:
    if name == "optional":
        return _annotation(inner, whole) | None
    if name not in CONTAINERS:
        raise DefinitionError(f'"{name}" takes no types in brackets{known(name, CONTAINERS)}.')
    container, number = CONTAINERS[name]
    nodes = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if len(nodes) != number:
        raise DefinitionError(f'"{whole}": {name} takes {number} type{"s" * (number > 1)} in brackets.')
    parts = tuple(_annotation(node, whole) for node in nodes)
    if name != "list" and ast.unparse(nodes[0]).partition("[")[0] not in _HASHABLE:
        raise DefinitionError(f'"{whole}": {name} cannot hold {ast.unparse(nodes[0])} there.')
    return container[parts[0]] if number == 1 else container[parts]


def choice(values: Sequence[str | int]) -> Any:
    """Return the annotation of a field that is restricted to certain strings and integers; a number may be given as a string."""
    meant = {str(value): value for value in values}
    return Annotated[
        Literal[tuple(values)], BeforeValidator(lambda value: meant.get(value, value) if isinstance(value, str) else value)
    ]


def comparing(annotation: Any, names: Sequence[str], tolerance: float | None = None) -> Any:
    """Return an annotation whose values compare as declared.

    Args:
        annotation: the type; it may allow None.
        names: some of :data:`~.model.comparison.COMPARISONS`; empty for equality.
        tolerance: the largest difference between two equal numbers; None for none.

    Raises:
        DefinitionError: the comparison does not fit the type.
    """
    if names:
        try:
            annotation = Annotated[annotation, comparison_of(names, annotation)]
        except DeclarationError as error:
            raise DefinitionError(f"{error}.") from None
    if tolerance is not None:
        if float not in members_of(annotation):
            raise DefinitionError("tolerance requires the type float.")
        near = type("Near", (Near,), {"__slots__": (), "tolerance": float(tolerance)})
        return Annotated[annotation, AfterValidator(lambda value: near(value) if isinstance(value, float) else value)]
    return annotation


class Zone:
    """Gives a time without a zone the declared one; part of the metadata of a field.

    Attributes:
        zone: the declared zone.
    """

    __slots__ = ("zone",)

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone

    def value_of(self, value: Any) -> Any:
        """Return a time that has a zone; any other value as it is."""
        return value.replace(tzinfo=self.zone) if isinstance(value, datetime) and value.utcoffset() is None else value

    def local(self, value: Any) -> Any:
        """Return a time without a zone, as a clock in the declared zone shows it; any other value as it is."""
        has_zone = isinstance(value, datetime) and value.utcoffset() is not None
        return value.astimezone(self.zone).replace(tzinfo=None) if has_zone else value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self.value_of, handler(source))


_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


def zoned(annotation: Any, name: str) -> Any:
    """Return an annotation whose times without a zone have the declared one.

    Args:
        annotation: the type; may allow None.
        name: ``UTC``, an offset such as ``+02:00``, or a name of the IANA database such as ``Europe/Paris``.

    Raises:
        DefinitionError: the type has no times, or there is no such zone.
    """
    if datetime not in members_of(annotation):
        raise DefinitionError("timezone is for the type datetime; the type here is another one.")
    offset = _OFFSET.fullmatch(name)
    if name == "UTC":
        return Annotated[annotation, Zone(timezone.utc)]
    if offset is not None:
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return Annotated[annotation, Zone(timezone(-length if offset[1] == "-" else length))]
    try:
        return Annotated[annotation, Zone(ZoneInfo(name))]
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DefinitionError(
            f'there is no time zone "{name}"; write UTC, an offset such as +02:00, or a name such as Europe/Paris, which needs '
            "a time zone database on the host or the library tzdata."
        ) from None


def zone_in(metadata: Sequence[Any]) -> Zone | None:
    """Return the zone in the metadata of a field, or None."""
    return next((one for one in metadata if isinstance(one, Zone)), None)


def fitting(annotation: Any, value: Any) -> Any:
    """Return a value as validated by a field of this type.

    Raises:
        DefinitionError: it does not fit; a sentence without the place.
    """
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False, include_context=False)[0]["msg"]
        raise DefinitionError(f"{value!r} does not fit the type: {said}.") from None


def or_none(annotation: Any) -> Any:
    """Return the annotation, which also allows None."""
    return annotation if allows_none(annotation) else annotation | None


def empty_is_null(annotation: Any) -> Any:
    """Return an annotation that allows None, with which an empty string becomes None."""
    return Annotated[annotation, BeforeValidator(lambda value: None if isinstance(value, str) and not value else value)]


def lenient(annotation: Any, json_too: bool = True) -> Any:
    """Return the annotation that also accepts what records hold in place of its values, at any depth of lists, sets and dicts.

    A string accepts an integer, because in YAML a serial number may look like one; a number stays a number if the field may hold
    numbers. An integer is the number that is written, also where YAML 1.1 reads a leading zero as octal. With ``json_too``, a list,
    set or dictionary accepts JSON that is kept as a string, unless the field may hold strings.
    """
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is not None:
        return functools.reduce(lambda made, one: Annotated[made, one], metadata, lenient(annotation.__origin__))
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) in (list, set, dict):
        made = typing.get_origin(annotation)[tuple(map(lenient, parts))]
        return Annotated[made, BeforeValidator(_from_json)] if json_too else made
    kinds = list(members_of(annotation))
    if len(kinds) > 1:
        json_too = json_too and not {str, Any} & {*kinds}
        annotation = functools.reduce(operator.or_, (kind if kind is str else lenient(kind, json_too) for kind in kinds))
    if annotation is int:
        return Annotated[int, BeforeValidator(_as_written)]
    takes_numbers = str in kinds and not {int, float, Decimal} & {*kinds}
    return Annotated[annotation, BeforeValidator(_as_string)] if takes_numbers else annotation


def _from_json(value: Any) -> Any:
    """Return the list or dictionary that a string of JSON is, and any other value as it is."""
    if not isinstance(value, str) or not value.strip().startswith(("[", "{")):
        return value
    try:
        return json_loads(value)
    except ValueError:
        return value


@keeps(str, int, bool, float)
def _as_written(value: Any) -> Any:
    """Return the whole number that a file has; YAML 1.1 makes another one of it: 0755 is octal there, 12:30 has the base of 60."""
    written = getattr(value, "written", None)
    if written is None:
        return value
    if ":" in written:
        raise ValueError(f"YAML reads {written} as {int(value)}; write that number, or quote it and declare a string")
    return int(written.replace("_", "")) if re.fullmatch(r"[-+]?0[0-7_]+", written) else value


@keeps(str)
def _as_string(value: Any) -> Any:
    return str(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value
