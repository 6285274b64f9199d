# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the name of an adapter, on the controller, which finds its code, and on the managed node, which runs it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..errors import TaskFailure

MODULE_UTILS = "ansible_collections.{}.{}.plugins.module_utils"

OWN_FORMS = (
    "a file and a class (adapters/sot.py:SourceOfTruth), "
    "a class in a collection's module_utils (acme.netops.cmdb.Cmdb), "
    "or a class that Python can import on the host (acme_cmdb.adapters:Cmdb)"
)
"""The ways to name an adapter that is not built in."""

FORMS = f"Name a built-in adapter (file, inventory, memory, nautobot, netbox, rest, snapshot, sql), {OWN_FORMS}"


class AdapterKind(enum.Enum):
    """The ways to name an adapter."""

    BUILT_IN = "this collection"
    FILE = "a file on the controller"
    COLLECTION = "a collection's module_utils"
    IMPORTABLE = "the host's Python"


@dataclass(frozen=True)
class AdapterRef:
    """A parsed name of an adapter.

    Attributes:
        text: the name as the user wrote it.
        form: where the class comes from.
        place: the path of a file, or the dotted name of a Python module.
        class_name: name of the class in there.
    """

    text: str
    kind: AdapterKind
    place: str
    class_name: str

    @property
    def holder(self) -> str:
        """The name without the class, as the user wrote it."""
        if self.kind is AdapterKind.BUILT_IN:
            return self.text
        return self.text[: -len(self.class_name) - 1]

    @classmethod
    def parse(cls, text: str) -> AdapterRef:
        """Parse an adapter's name. Raises TaskFailure if it has none of the known forms."""
        if text.isidentifier():
            return cls(text, AdapterKind.BUILT_IN, text, text)
        place, colon, class_name = text.rpartition(":")
        if colon and place and class_name.isidentifier():
            return cls(text, _kind_before_colon(place), place, class_name)
        parts = text.split(".")
        if len(parts) >= 4 and all(part.isidentifier() for part in parts):
            package = MODULE_UTILS.format(*parts[:2])
            return cls(text, AdapterKind.COLLECTION, ".".join((package, *parts[2:-1])), parts[-1])
        raise TaskFailure(f'"{text}" does not name an adapter. {FORMS}.')


def _kind_before_colon(place: str) -> AdapterKind:
    if place.endswith(".py") or "/" in place:
        return AdapterKind.FILE
    if all(part.isidentifier() for part in place.split(".")):
        return AdapterKind.IMPORTABLE
    raise TaskFailure(f'"{place}" is neither a Python file nor the dotted name of a Python module. {FORMS}.')
