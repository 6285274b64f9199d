# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Selectors of objects and differences."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

from .._util import suggestions
from .._util.plain_json import displayed
from .._util.redaction import masked
from ..dataset.dataset import Dataset
from ..exceptions import SelectorError
from ..flags import DSyncAction
from ..model.model import DSyncModel
from ..model.values import same_value

_KEYS = ("model", "id", "attributes", "action")


@dataclass(frozen=True)
class Selector:
    """Criteria for an object and its difference; a criterion left out matches anything.

    Attributes:
        model: the model's name.
        id: a shell-style pattern of the unique id (``*``, ``?``, ``[…]``), or a regular expression after a ``~``.
        attributes: attribute or identifier → value; the object of at least one side must have all of them. A value is given
            as it is, or in its JSON form, and a number also as a string.
        action: the action for the object.
    """

    model: str | None = None
    id: str | None = None
    attributes: tuple[tuple[str, Any], ...] = field(default=(), repr=False)
    action: DSyncAction | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_matches_id", _id_matcher(self.id))  # frozen, and not part of its value

    def __str__(self) -> str:
        return self.text({name for name, _value in self.attributes})

    def text(self, sensitive: Collection[str]) -> str:
        """Return the selector as a string, with the values of sensitive attributes masked."""
        said = {
            "model": self.model,
            "id": self.id,
            "attributes": masked(dict(self.attributes), sensitive) or None,
            "action": self.action and self.action.value,
        }
        return ", ".join(f"{key}: {value}" for key, value in said.items() if value is not None)

    def matches(self, model: str, uid: str, action: DSyncAction | None, *sides: Mapping[str, Any] | None) -> bool:
        """Return whether an object is selected.

        Args:
            model: its model.
            uid: its unique id.
            action: the action for it, None if there is none.
            sides: its attributes and identifiers in source and target; None where it is missing.
        """
        if self.model not in (None, model) or self.action not in (None, action):
            return False
        if not self._matches_id(uid):  # type: ignore[attr-defined]  # set in __post_init__
            return False
        return not self.attributes or any(side is not None and self._fits(side) for side in sides)

    def _fits(self, values: Mapping[str, Any]) -> bool:
        return all(name in values and _is(values[name], value) for name, value in self.attributes)


def _is(actual: Any, wanted: Any) -> bool:
    """Return whether a value matches the value of a selector."""
    if isinstance(actual, bytes) and isinstance(wanted, str):
        return actual == wanted.encode("utf-8", "surrogatepass")
    plain = displayed(actual)
    number, text = (plain, wanted) if isinstance(wanted, str) else (displayed(wanted), plain)
    if isinstance(number, (int, float)) and not isinstance(number, bool) and isinstance(text, str):
        return str(number) == text
    return same_value(actual, wanted, exact=True) or same_value(plain, wanted, exact=True)


def _id_matcher(pattern: str | None) -> Callable[[str], Any]:
    if pattern is None:
        return lambda uid: True
    try:
        return re.compile(pattern[1:]).search if pattern.startswith("~") else re.compile(translate(pattern)).match
    except re.error as error:
        raise SelectorError(f"id: {pattern!r} is not a valid regular expression: {error}") from None


def classes_by_model(source: Dataset, target: Dataset) -> dict[str, tuple[type[DSyncModel], ...]]:
    """Return model name → its classes in source and target, of every model that either declares."""
    sides = source.models(), target.models()
    return {name: tuple({side[name]: None for side in sides if name in side}) for name in {**sides[0], **sides[1]}}


def selectors(said: Iterable[Any], place: str, models: Mapping[str, Iterable[type[DSyncModel]]]) -> tuple[Selector, ...]:
    """Return the selectors that a list of dicts describes.

    Args:
        said: dicts with any of the keys model, id, attributes and action.
        place: the option that contains them, for messages, such as ``protect``.
        models: model name → classes of the known models, as returned by :func:`classes_by_model`.

    Raises:
        SelectorError: a selector is empty, has an unknown key, model, attribute or action, an invalid pattern, or an attribute
            whose values are never shown; the message names place and position.
    """
    return tuple(_selector(one, f"{place}[{position}]", models) for position, one in enumerate(said))


def _selector(said: Any, place: str, models: Mapping[str, Iterable[type[DSyncModel]]]) -> Selector:
    if not isinstance(said, Mapping):
        raise SelectorError(f"{place}: a selector is a dict with any of {', '.join(_KEYS)}, not a {type(said).__name__}")
    for key in said:
        check_known(key, _KEYS, f"{place}", "key")
    if said.get("model") is not None:
        check_known(said["model"], models, f"{place}.model", "model")
    if said.get("action") is not None:
        check_known(said["action"], [action.value for action in DSyncAction], f"{place}.action", "action")
    attributes = {} if said.get("attributes") is None else said["attributes"]
    if not isinstance(attributes, Mapping):
        raise SelectorError(f"{place}.attributes: expected a dictionary of attribute to value, not a {type(attributes).__name__}")
    if not attributes and all(said.get(key) is None for key in _KEYS if key != "attributes"):
        raise SelectorError(f"{place}: it is empty; set at least one of {', '.join(_KEYS)}")
    chosen = models if said.get("model") is None else [said["model"]]
    _check_attributes(attributes, [kind for name in chosen for kind in models[name]], f"{place}.attributes")
    try:
        return Selector(
            model=said.get("model"),
            id=None if said.get("id") is None else str(said["id"]),
            attributes=tuple(attributes.items()),
            action=None if said.get("action") is None else DSyncAction(said["action"]),
        )
    except SelectorError as error:
        raise SelectorError(f"{place}.{error}") from None


def _check_attributes(names: Iterable[Any], kinds: Collection[type[DSyncModel]], place: str) -> None:
    known = dict.fromkeys(name for kind in kinds for name in (*kind._identifiers, *kind._attributes))
    open_ended = any(kind.overrides("get_attrs") for kind in kinds)
    for name in names:
        if name not in known and not open_ended:
            check_known(name, known, place, "attribute")
        if any(name in kind.get_sensitive_fields() for kind in kinds):
            raise SelectorError(f"{place}: {name!r} is sensitive and never shown, so nothing can be selected by it")


def check_known(name: Any, known: Iterable[str], place: str, kind: str) -> None:
    """Raise SelectorError, with the nearest known name, unless ``name`` is known."""
    choices = list(known)
    if name not in choices:
        raise SelectorError(f"{place}: unknown {kind} {name!r}{suggestions.known(name, choices)}")


def selecting(
    chosen: Iterable[Selector], model: str, uid: str, action: DSyncAction | None, *sides: Mapping[str, Any] | None
) -> Selector | None:
    """Return the first selector that selects an object, or None; arguments as for :meth:`Selector.matches`."""
    return next((selector for selector in chosen if selector.matches(model, uid, action, *sides)), None)
