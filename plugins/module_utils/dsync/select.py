# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Selectors: which objects, or which differences, something is said of."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

from .exceptions import SelectorError
from .flags import DSyncAction

_KEYS = ("model", "id", "attributes", "action")


@dataclass(frozen=True)
class Selector:
    """What an object, and the difference found in it, has to be like; what is not said matters not.

    Attributes:
        model: the model's name.
        id: a shell-style pattern of the unique id (``*``, ``?``, ``[…]``), or a regular expression after a ``~``.
        attributes: attribute → value; it is enough that the object of one side has all of them.
        action: what is to be done to the object.
    """

    model: str | None = None
    id: str | None = None
    attributes: tuple[tuple[str, Any], ...] = ()
    action: DSyncAction | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_matches_id", _id_matcher(self.id))  # frozen, and not part of its value

    def __str__(self) -> str:
        said = {
            "model": self.model,
            "id": self.id,
            "attributes": dict(self.attributes) or None,
            "action": self.action and self.action.value,
        }
        return ", ".join(f"{key}: {value}" for key, value in said.items() if value is not None)

    def matches(self, model: str, uid: str, action: DSyncAction | None, *sides: Mapping[str, Any] | None) -> bool:
        """Return whether an object is selected.

        Args:
            model: its model.
            uid: its unique id.
            action: what is to be done to it, None if nothing is.
            sides: its attributes and identifiers in source and target; None where it is missing.
        """
        if self.model not in (None, model) or self.action not in (None, action):
            return False
        if not self._matches_id(uid):  # type: ignore[attr-defined]
            return False
        return not self.attributes or any(side is not None and self._fits(side) for side in sides)

    def _fits(self, values: Mapping[str, Any]) -> bool:
        return all(name in values and values[name] == value for name, value in self.attributes)


def _id_matcher(pattern: str | None) -> Callable[[str], Any]:
    if pattern is None:
        return lambda uid: True
    try:
        return re.compile(pattern[1:]).search if pattern.startswith("~") else re.compile(translate(pattern)).match
    except re.error as error:
        raise SelectorError(f"id: {pattern!r} is no regular expression: {error}") from None


def selectors(said: Iterable[Any], place: str, models: Iterable[str]) -> tuple[Selector, ...]:
    """Return the selectors that a list of dicts describes.

    Args:
        said: dicts with any of the keys model, id, attributes and action.
        place: where they stand, for messages, such as ``protect``.
        models: the names of the models that there are.

    Raises:
        SelectorError: naming place and position, when a selector says nothing, has an unknown key, model or action, or a
            pattern that cannot be used.
    """
    known = list(models)
    return tuple(_selector(one, f"{place}[{position}]", known) for position, one in enumerate(said))


def _selector(said: Any, place: str, models: list[str]) -> Selector:
    if not isinstance(said, Mapping) or not said:
        raise SelectorError(f"{place}: a selector is a dict with at least one of {', '.join(_KEYS)}, not {said!r}")
    for key in said:
        check_known(key, _KEYS, f"{place}", "key")
    if said.get("model") is not None:
        check_known(said["model"], models, f"{place}.model", "model")
    if said.get("action") is not None:
        check_known(said["action"], [action.value for action in DSyncAction], f"{place}.action", "action")
    attributes = said.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        raise SelectorError(f"{place}.attributes: a dict of attribute to value is wanted, not {attributes!r}")
    try:
        return Selector(
            model=said.get("model"),
            id=None if said.get("id") is None else str(said["id"]),
            attributes=tuple(attributes.items()),
            action=None if said.get("action") is None else DSyncAction(said["action"]),
        )
    except SelectorError as error:
        raise SelectorError(f"{place}.{error}") from None


def check_known(name: Any, known: Iterable[str], place: str, kind: str) -> None:
    """Raise SelectorError unless ``name`` is one of those that are known, suggesting the nearest."""
    choices = list(known)
    if name not in choices:
        near = difflib.get_close_matches(str(name), choices, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(choices) or 'none'}"
        raise SelectorError(f"{place}: unknown {kind} {name!r} ({hint})")


def selecting(
    chosen: Iterable[Selector], model: str, uid: str, action: DSyncAction | None, *sides: Mapping[str, Any] | None
) -> Selector | None:
    """Return the first selector that selects an object, or None; arguments as for :meth:`Selector.matches`."""
    return next((selector for selector in chosen if selector.matches(model, uid, action, *sides)), None)
