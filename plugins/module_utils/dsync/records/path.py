# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Paths of values in a native record, and of records in a document.

A path is written as names separated by dots, ``fields.role``, or as a list of names if a name contains a dot. In the
path of records ``*`` means every item of a list, or every value of a dictionary: ``sites.*.devices``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from .declaration_reader import Declared

Path = tuple[str, ...]
"""The names that lead to a value."""

EVERY = "*"
"""The name for every item of a list, or every value of a dictionary."""

MISSING: Any = object()
"""Represents an absent value."""


def path_of(declared: Declared) -> Path:
    """Return a declared path, given as a string or a list. Raises DefinitionError if it is neither."""
    if isinstance(declared.value, (list, tuple)):
        names = tuple(str(item.value) if isinstance(item.value, int) else item.text() for item in declared.items())
    else:
        names = tuple(declared.text().split("."))
    if not all(names):
        declared.wrong(f"{declared.shown()} is not a path: a name between two dots is missing.")
    return names


def text_of_path(path: Path) -> str:
    """Return a path as it is written."""
    return ".".join(path)


def read(record: Any, path: Path) -> Any:
    """Return the value at a path, or :data:`MISSING`."""
    for name in path:
        try:
            record = record[name]
        except (KeyError, TypeError, IndexError):
            if not name.isdigit() or not _has(record, int(name)):
                return MISSING
            record = record[int(name)]
    return record


def _has(record: Any, number: int) -> bool:
    """Return whether a list has a position, or a dictionary a number as a key, which YAML knows and a path cannot write."""
    if isinstance(record, Mapping):
        return number in record
    return isinstance(record, Sequence) and not isinstance(record, str) and number < len(record)


def _key(record: Any, name: str) -> Any:
    """Return the key by which a dictionary has a name of a path: the name, or that number."""
    is_number = name.isdigit() and isinstance(record, Mapping) and name not in record and int(name) in record
    return int(name) if is_number else name


def write(record: MutableMapping[str, Any], path: Path, value: Any) -> None:
    """Set the value at a path; missing dictionaries are created.

    Raises:
        TypeError: a value on the path is neither a dictionary nor null.
    """
    *way, last = path
    for name in way:
        key = _key(record, name)
        there = record.get(key)
        if there is None:
            there = record[key] = {}
        if not isinstance(there, MutableMapping):
            raise TypeError(f'"{text_of_path(path)}" cannot be set: there is no dictionary at "{name}"')
        record = there
    record[_key(record, last)] = value


def nested(values: Mapping[Path, Any]) -> dict[str, Any]:
    """Return a new record that has the values at these paths."""
    record: dict[str, Any] = {}
    for path, value in values.items():
        write(record, path, value)
    return record


def walk(document: Any, path: Path, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every value at a path with the keys and positions that lead to it; absent values are skipped."""
    if not path:
        yield way, document
        return
    name, *rest = path
    if name != EVERY:
        found = read(document, (name,))
        if found is not MISSING and found is not None:
            yield from walk(found, tuple(rest), (*way, _key(document, name)))
    elif isinstance(document, Mapping):
        for key, value in document.items():
            yield from walk(value, tuple(rest), (*way, key))
    elif isinstance(document, Sequence) and not isinstance(document, (str, bytes)):
        for position, value in enumerate(document):
            yield from walk(value, tuple(rest), (*way, position))
