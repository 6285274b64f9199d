# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""TOML: comments and order are kept, by tomlkit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from ...exceptions import LibraryMissing, RecordProblem
from .edits import Edits, same_tree
from .format import Format, WrittenNumber


class TomlFormat(Format):
    suffixes = (".toml",)
    kept_types = (datetime, date, time)
    none_is_absent = True

    def read(self, text: str, name: str) -> Any:
        return _unwrapped(_toml(text, name)) or None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        document = _toml(text, name)
        after = edits.made_in(_unwrapped(document), self.none_is_absent)
        import tomlkit

        try:
            found = tomlkit.dumps(edits.made_in(document, self.none_is_absent))
        except (TypeError, ValueError) as error:
            raise RecordProblem(f"{name} cannot hold such a value: {error}") from None
        if "\r\n" in text:
            found = re.sub("\r?\n", "\r\n", found)
        if not same_tree(_pruned(self.read(found, name) or {}), _pruned(after)):
            raise RecordProblem(f"{name} cannot be changed without changing more than was asked; write it with tables, [[…]]")
        return found


def _unwrapped(item: Any) -> Any:
    """Return what an item of TOML stands for."""
    if isinstance(item, Mapping):
        return {str(key): _unwrapped(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_unwrapped(value) for value in item]
    plain = item.unwrap() if hasattr(item, "unwrap") else item
    return WrittenNumber.of(plain, item.as_string()) if plain.__class__ is int and plain is not item else plain


def _pruned(value: Any) -> Any:
    """Return a tree without the empty tables, of which nothing may be left in a text, and the lists of them."""
    if isinstance(value, dict):
        pruned = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ({}, [])}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _toml(text: str, name: str) -> Any:
    try:
        import tomlkit
    except ImportError:
        raise LibraryMissing("TOML files can only be read with the library tomlkit, which is not installed", "tomlkit") from None
    try:
        return tomlkit.parse(text)
    except (tomlkit.exceptions.ParseError, tomlkit.exceptions.KeyAlreadyPresent) as error:
        line = f", line {error.line}" if hasattr(error, "line") else ""
        raise RecordProblem(f"{name}{line}: {error}") from None
