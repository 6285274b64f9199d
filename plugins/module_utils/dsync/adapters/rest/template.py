# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Paths with fields of records in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, read, text_of_path

_BRACES = re.compile(r"\{([^{}]*)\}")
_FIELD = re.compile(r"\+?[\w@$:-]+(\.[\w@$:-]+)*").fullmatch
_RESERVED = "+"
"""Before a field whose slashes and colons stay as they are (RFC 6570)."""

_PARENT = "parent"


class Template:
    """A path with fields of records in it.

    Attributes:
        text: as it was declared.
        fields: paths of the fields, with ``parent`` in front where they are the parent's.
    """

    def __init__(self, declared: Declared) -> None:
        self.text = declared.text()
        if not self.text.startswith("/"):
            declared.wrong(f'a path begins with "/"; this is {declared.shown()}.')
        if re.search(r"[{}]", _BRACES.sub("", self.text)) or re.search(r"[\s#\\]", _BRACES.sub("", self.text)):
            declared.wrong(f'{declared.shown()} is not a path: it has a single brace, a space, a "#" or a "\\" in it.')
        for name in _BRACES.findall(self.text):
            if not _FIELD(name):
                declared.wrong(
                    f'"{{{name}}}": the name of a field is all that can be between braces, such as {{id}} or {{parent.name}}.'
                )
        self.fields: tuple[Path, ...] = tuple(_path(name) for name in _BRACES.findall(self.text))

    @property
    def asks_parent(self) -> bool:
        """Whether a field of the parent is in it."""
        return any(_is_parents(path) for path in self.fields)

    @property
    def asks_record(self) -> bool:
        """Whether a field of the record itself is in it."""
        return any(not _is_parents(path) for path in self.fields)

    def filled(self, record: Mapping[str, Any], ancestors: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return the path for a record.

        Args:
            record: the native record.
            ancestors: its parent, the parent of that, and so on, as far as they are known.

        Raises:
            RecordProblem: a field is missing, or cannot be used in a path.
        """
        filled = _BRACES.sub(lambda found: self._value(found[1], record, ancestors), self.text)
        if any(part in (".", "..") for part in filled.partition("?")[0].split("/")):
            raise RecordProblem(f'a value is "." or "..", which cannot be in {self.text}')
        return filled

    def _value(self, name: str, record: Mapping[str, Any], ancestors: Sequence[Mapping[str, Any]]) -> str:
        above, way = 0, _path(name)
        while _is_parents(way):
            above, way = above + 1, way[1:]
        if above > len(ancestors):
            raise RecordProblem(f"its parent is not known, which {self.text} needs")
        value = read(ancestors[above - 1] if above else record, way)
        if value is MISSING or isinstance(value, (bool, Mapping, list)) or value in (None, ""):
            owner = "the record of its parent" if above else "the record"
            raise RecordProblem(f'{owner} has no "{text_of_path(way)}" to put into {self.text}')
        return quote(str(value), safe="/:@" if name.startswith(_RESERVED) else "", errors="surrogatepass")


def _path(name: str) -> Path:
    return tuple(name.removeprefix(_RESERVED).split("."))


def _is_parents(path: Path) -> bool:
    return len(path) > 1 and path[0] == _PARENT
