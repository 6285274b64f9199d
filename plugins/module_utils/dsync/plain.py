# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values of attributes as plain JSON that can be compared, and taken back.

What a value looks like is what pydantic writes: an address, a date, a decimal number or an enumeration's member is a text (or
whatever the member's value is), a nested model a dict. Sets are sorted, and so are the keys of dicts, so that equal values look
the same. Bytes are ``{"$bytes": base64}``; a dict of the user's own that could be mistaken for that has its ``$`` doubled.

To be shown, a value becomes JSON of the same form (:func:`displayed`), whatever it is, without any pydantic secret.

Coming back, a value is validated by the field that it is meant for, which makes an address of the text again. A field that takes
anything gets plain JSON: what was a set there comes back as a list.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from ._pydantic import BaseModel, SchemaValidator, core_schema, to_jsonable_python
from .construct import fields_schema
from .redact import LONGEST_NUMBER, MASK
from .values import unshowable

BYTES, SEALED, LOST = "$bytes", "$hmac", "$lost"
"""The keys of dicts that stand for what JSON has no form for."""

_SIMPLE = (str, bool, type(None), float)
_ADDRESSES = (IPv4Address, IPv4Network, IPv6Address, IPv6Network)  # of which the oldest pydantic here knows no JSON form


class Unwritable(ValueError):
    """A value has no plain JSON form; the text says what kind of value it is, and never the value."""


class Sealed:
    """Stands for a sensitive value of which only a keyed digest is known. It equals no value.

    Attributes:
        digest: the digest, as :class:`~.seal.Seal` makes it.
    """

    __slots__ = ("digest",)

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def __repr__(self) -> str:
        return MASK


class Lost:
    """Stands for a value that could not be written. It equals no value.

    Attributes:
        kind: the name of its type.
    """

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<a {self.kind} that could not be written>"


def text_of(value: Any) -> str:
    """Return plain JSON as one line of canonical text, in which every character can be written to a file."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() or _encodable(text) else json.dumps(value, separators=(",", ":"))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(value: Any) -> tuple[Any, bool]:
    """Return a value as plain JSON, new and independent, secrets in clear; and whether a pydantic secret was in it.

    Raises:
        Unwritable: it has no such form.
    """
    if value.__class__ in _SIMPLE or (value.__class__ is int and value.bit_length() <= LONGEST_NUMBER):
        return value, False
    writer = _Writer()
    try:
        made = writer.plain(value)
        text_of(made)  # numbers may be too long for JSON
    except Unwritable:
        raise
    except Exception as error:  # whatever a user's own type raises
        raise Unwritable(f"a {type(value).__name__} has no JSON form ({type(error).__name__})") from None
    return made, writer.secret


def displayed(value: Any) -> Any:
    """Return a value as plain JSON that may be shown, new and independent; nothing is raised.

    It looks as it does in a file, but pydantic secrets are masked, dicts keep their order and their keys, and what has no form in
    JSON is a text. Integers that are too long for decimal digits have hexadecimal ones.

    Args:
        value: any value; not changed.
    """
    if value.__class__ in _SIMPLE:
        return value
    try:
        return _Display().plain(value)
    except RecursionError:
        return unshowable(value)


class _Writer:
    """Makes plain JSON of one value, and notes whether a secret is in it."""

    def __init__(self) -> None:
        self.secret = False

    def plain(self, value: Any) -> Any:
        if value.__class__ in _SIMPLE:
            return value
        if hasattr(value, "get_secret_value"):
            self.secret = True
            return self.plain(value.get_secret_value())
        for kinds, write in self._FORMS:
            if isinstance(value, kinds):
                return write(self, value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {one.name: self.plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return str(value) if isinstance(value, _ADDRESSES) else to_jsonable_python(value, inf_nan_mode="constants")

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        pairs = {_key(key): item for key, item in value.items()}
        if len(pairs) < len(value):
            raise Unwritable("a dict has keys that are the same in JSON")
        if len(pairs) == 1 and next(iter(pairs)).startswith("$"):
            return {f"${key}": self.plain(item) for key, item in pairs.items()}
        return {key: self.plain(pairs[key]) for key in sorted(pairs)}

    def _number(self, value: int) -> Any:
        return int(value)

    def _model(self, value: Any) -> Any:
        if getattr(value, "__pydantic_root_model__", False):
            return self.plain(value.root)
        return {name: self.plain(item) for name, item in sorted({**vars(value), **(value.model_extra or {})}.items())}

    _FORMS: tuple[tuple[Any, Callable[[Any, Any], Any]], ...] = (
        (enum.Enum, lambda self, value: self.plain(value.value)),
        (Mapping, lambda self, value: self._mapping(value)),
        ((list, tuple), lambda self, value: [self.plain(item) for item in value]),
        ((set, frozenset), lambda self, value: sorted((self.plain(item) for item in value), key=text_of)),
        ((bytes, bytearray), lambda self, value: {BYTES: base64.b64encode(value).decode()}),
        (BaseModel, _model),
        (str, lambda self, value: str.__str__(value)),
        (int, lambda self, value: self._number(value)),
        (float, lambda self, value: float(value)),
    )


class _Display(_Writer):
    """Makes plain JSON of any value for somebody to see."""

    def plain(self, value: Any) -> Any:
        if hasattr(value, "get_secret_value"):
            return MASK
        try:
            made = super().plain(value)
            if not isinstance(value, self._OWN):
                text_of(made)  # pydantic leaves numbers as long as they are
            return made
        except RecursionError:
            raise
        except Exception:  # whatever a user's own type raises
            return _readable(value)

    _OWN = (str, int, float, type(None), Mapping, list, tuple, set, frozenset, BaseModel)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        return {self._shown_key(key): self.plain(item) for key, item in value.items()}

    def _number(self, value: int) -> Any:
        return int(value) if value.bit_length() <= LONGEST_NUMBER else hex(value)

    def _shown_key(self, key: Any) -> str:
        if hasattr(key, "get_secret_value"):
            return MASK
        try:
            return _key(key)
        except Exception:  # whatever a user's own type raises
            return str(self.plain(key) if isinstance(key, int) else _readable(key))


def _readable(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # whatever a user's own type raises
        return unshowable(value)


def _key(key: Any) -> str:
    if key.__class__ is str:
        return str(key)
    made = to_jsonable_python({key: None}, inf_nan_mode="constants")
    return str(next(iter(made)))


def from_plain(value: Any) -> Any:
    """Return the Python value that plain JSON stands for, before any field's validation."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        key, item = next(iter(value.items()))
        if key == BYTES:
            return base64.b64decode(item, validate=True)
        if key.startswith("$$"):
            return {key[1:]: from_plain(item)}
    return {key: from_plain(item) for key, item in value.items()}


class Fields:
    """Validates values for the fields of one class, one by one, as making an object does, and gives them as get_attrs() does.

    Args:
        cls: a complete model class.
    """

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls
        self._nested = cls._declaration.nested
        schema, self._definitions, self._config = fields_schema(cls)
        self._schemas = {name: field["schema"] for name, field in schema["fields"].items()}
        self._validators: dict[str, SchemaValidator] = {}

    def valid(self, name: str, value: Any) -> Any:
        """Return what the field ``name`` makes of a value; a name that is no field takes it as it is.

        Raises:
            pydantic.ValidationError: the value does not fit; or whatever a validator raises.
        """
        if name not in self._schemas:
            return value
        if name not in self._validators:
            schema = core_schema.definitions_schema(self._schemas[name], self._definitions)
            self._validators[name] = SchemaValidator(schema, self._config)
        made = self._validators[name].validate_python(value)
        return self._dumped(name, made) if name in self._nested else made

    def _dumped(self, name: str, value: Any) -> Any:
        """Return a field's value as an object of the class gives it out, without making one, which would need all fields."""
        obj: Any = object.__new__(self._cls)
        slots = {
            "__dict__": {name: value},
            "__pydantic_fields_set__": {name},
            "__pydantic_extra__": None,
            "__pydantic_private__": None,
        }
        for slot, content in slots.items():
            object.__setattr__(obj, slot, content)
        return obj.model_dump(include={name}).get(name, value)
