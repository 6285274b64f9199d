# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The text form of a diff: the changes to the target, as an indented outline.

::

    ~ site nyc
        contact_phone: '555-0100' → '555-0199'
        > device sw-1 (from site ams)
        > device rtr-3 → rtr-4
        + device rtr-2
            role: 'router'
        - device old-1
"""

from __future__ import annotations

from typing import Any

from .._util.redaction import masked
from .._util.visible import visible
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.values import python_string

SIGNS: dict[DSyncAction | None, str] = {
    DSyncAction.CREATE: "+",
    DSyncAction.UPDATE: "~",
    DSyncAction.MOVE: ">",
    DSyncAction.DELETE: "-",
    None: " ",
}
"""The signs of objects that are created, updated, moved, deleted, or only have differing descendants."""

STEP = 4
"""The indentation of each level."""


def outline(item: Any, indent: int = 0) -> str:
    """Return the outline of a diff or of one element, without a trailing newline; ``(no differences)`` if there are none.

    Args:
        item: the Diff or DiffElement; not changed.
        indent: spaces in front of every line.
    """
    lines: list[str] = []
    for element in [item] if hasattr(item, "keys") else item.get_children():
        _add_lines(lines, element, indent)
    return "\n".join(lines) or f"{' ' * indent}(no differences)"


def came_from(place: ObjectRef | None) -> str:
    """Return the note about the old place of a moved object, with a leading space."""
    return " (from the top level)" if place is None else f" (from {place.model} {visible(place.id)})"


def _moved_name(element: Any) -> str:
    """Return what a moved object is called, or was and is to be called: by its short names, or, if these are the same, its ids."""
    was = element.move.was
    if was is None:
        return visible(element.name)
    names = (was.short, element.name) if was.short != element.name else (was.uid, element.uid)
    return " → ".join(map(visible, names))


def _add_lines(lines: list[str], element: Any, indent: int) -> None:
    action, diffs = element.action, element.get_attrs_diffs()
    margin = " " * indent
    name, notes = visible(element.name), ""
    if element.move is not None:
        name, notes = _moved_name(element), "" if element.move.before == element.move.after else came_from(element.move.before)
    notes += " (protected)" if element.protected else ""
    lines.append(f"{margin}{SIGNS[action]} {element.type} {name}{notes}")
    if action is not None and action != DSyncAction.DELETE:
        new, old = masked(diffs.get("+", {}), element.sensitive), masked(diffs.get("-", {}), element.sensitive)
        for name, value in new.items():
            values = [visible(python_string(shown)) for shown in ([old[name], value] if name in old else [value])]
            if len(values) == 2 and values[0] == values[1] and name not in element.sensitive:
                values = [f"{value} ({type(diffs[sign][name]).__name__})" for value, sign in zip(values, "-+")]
            lines.append(f"{margin}{STEP * ' '}{name}: {' → '.join(values)}")
    place = len(lines)
    for child in element.get_children():
        _add_lines(lines, child, indent + STEP)
    if action is None and len(lines) == place:
        lines.pop()  # neither the object differs nor anything below it
