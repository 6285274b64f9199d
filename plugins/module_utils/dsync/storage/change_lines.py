# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of a change to one line of a file, and back.

Values that are read back are plain JSON; :mod:`.storage.stored_plan` turns them into real values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .._util.plain_json import Unwritable, plain, text_of
from ..exceptions import RecordError
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.placeholders import DigestedSecret, Lost
from ..plan.change import Change, ChangeKey
from .digests import SecretDigester
from .encoding import DIGESTED, LOST

Leaves = Mapping[ChangeKey, Collection[ObjectRef]]
"""Delete → children of its object that were ignored when the plan was made."""

_KEYS = {
    "action", "model", "id", "ids", "parent", "before", "after", "sensitive", "protected", "cascade", "removes_children",
    "requires", "leaves", "before_parent", "parts", "step", "before_id", "before_ids",
}  # fmt: skip
_SECRET = "secret"
_SIDES = {
    DSyncAction.CREATE: (False, True),
    DSyncAction.UPDATE: (True, True),
    DSyncAction.MOVE: (True, True),
    DSyncAction.DELETE: (True, False),
}


class Malformed(ValueError):
    """A line does not describe a change. The message never quotes a value."""


class ChangeWriter:
    """Converts changes to dicts of plain JSON.

    Args:
        digester: makes the digests of sensitive values; None records only that they are present.
        stored: whether the changes' values are already plain JSON.
        lenient: mark a value without a JSON form as such instead of raising.
    """

    def __init__(self, digester: SecretDigester | None, stored: bool = False, lenient: bool = False) -> None:
        self._digester, self._stored, self._lenient = digester, stored, lenient

    def line(self, change: Change, leaves: Collection[ObjectRef] = ()) -> dict[str, Any]:
        """Return a change as a new dict.

        Raises:
            RecordError: a value has no JSON form; it names model, id and attribute.
        """
        return {
            "action": change.action.value,
            "model": change.model,
            "id": change.id,
            "ids": self._identifiers(change, change.ids),
            "parent": None if change.parent is None else list(change.parent),
            "before": self._side(change, change.before),
            "after": self._side(change, change.after),
            "sensitive": sorted(change.sensitive),
            "protected": change.protected,
            "cascade": change.cascade,
            "removes_children": change.removes_children,
            "requires": [_key_line(key) for key in change.requires],
            "leaves": sorted(map(list, leaves)),
            "before_parent": None if change.before_parent is None else list(change.before_parent),
            "parts": [self.line(part) for part in change.parts],
            "step": change.step,
            "before_id": change.before_id,
            "before_ids": None if change.before_ids is None else self._identifiers(change, change.before_ids),
        }

    def _identifiers(self, change: Change, ids: dict[str, Any]) -> dict[str, Any]:
        return {name: self._identifier(change, name, value) for name, value in ids.items()}

    def _identifier(self, change: Change, name: str, value: Any) -> Any:
        if self._stored:
            return value
        try:
            return plain(value)[0]
        except Unwritable as error:
            raise _unwritable(change, name, error) from None

    def _side(self, change: Change, values: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if values is None else {name: self._value(change, name, value) for name, value in values.items()}

    def _value(self, change: Change, name: str, value: Any) -> Any:
        if self._stored:
            return _stored_value(value)
        if isinstance(value, (DigestedSecret, Lost)):  # no live object had it when the plan was bound
            return {LOST: value.kind if isinstance(value, Lost) else _SECRET}
        try:
            made, secret = plain(value)
        except Unwritable as error:
            if self._lenient:
                return {LOST: type(value).__name__}
            raise _unwritable(change, name, error) from None
        if value is None or not (secret or name in change.sensitive):
            return made
        return {DIGESTED: "" if self._digester is None else self._digester.digest(change.model, digested_id(change), name, made)}


def digested_id(change: Change) -> str:
    """Return the unique id that digests of a change's sensitive values are made with: the same for the change that undoes it."""
    return min(change.id, change.before_ref.id)


def _stored_value(value: Any) -> Any:
    if isinstance(value, DigestedSecret):
        return {DIGESTED: value.digest}
    return {LOST: value.kind} if isinstance(value, Lost) else value


def _unwritable(change: Change, name: str, error: Unwritable) -> RecordError:
    return RecordError(f'{change.model} "{change.id}": its {name} cannot be written to a file: {error}')


def read_change(line: Any) -> tuple[Change, frozenset[ObjectRef]]:
    """Return the change that a dict describes, with values as plain JSON, and the children that it ignores.

    Raises:
        Malformed: it does not describe a change.
    """
    if not isinstance(line, dict) or line.keys() != _KEYS:
        raise Malformed("it is not a change")
    try:
        change = Change(
            action=DSyncAction(_text(line["action"])),
            model=_text(line["model"]),
            id=_text(line["id"]),
            ids=_dict(line["ids"]),
            before=None if line["before"] is None else _values(line["before"]),
            after=None if line["after"] is None else _values(line["after"]),
            parent=None if line["parent"] is None else _ref(line["parent"]),
            sensitive=frozenset(map(_text, _list(line["sensitive"]))),
            protected=_text(line["protected"]),
            cascade=_truth(line["cascade"]),
            removes_children=_truth(line["removes_children"]),
            requires=tuple(map(_change_key, _list(line["requires"]))),
            before_parent=None if line["before_parent"] is None else _ref(line["before_parent"]),
            parts=tuple(read_change(part)[0] for part in _list(line["parts"])),
            step=_step(line["step"]),
            before_id=None if line["before_id"] is None else _text(line["before_id"]),
            before_ids=None if line["before_ids"] is None else _dict(line["before_ids"]),
        )
        leaves = frozenset(map(_ref, _list(line["leaves"])))
    except (ValueError, TypeError, KeyError):
        raise Malformed("a part of the change is missing or of the wrong type") from None
    _check_sides(change)
    return change, leaves


def _check_sides(change: Change) -> None:
    if (change.before is not None, change.after is not None) != _SIDES[change.action]:
        raise Malformed(f"the values before and after are not those of a {change.action}")
    moves = change.action == DSyncAction.MOVE
    if (change.before_parent is not None or change.parts) and not moves:
        raise Malformed(f"a {change.action} has no old parent and no parts")
    if change.step and change.action != DSyncAction.UPDATE:
        raise Malformed(f"a {change.action} is no step of another change")
    if (change.before_id is None) is not (change.before_ids is None) or (change.before_id is not None and not moves):
        raise Malformed(f"the old name is not that of a {change.action}")
    if change.before is not None and change.after is not None and change.before.keys() != change.after.keys():
        raise Malformed("the values before and after are not those of the same attributes")


def _values(value: Any) -> dict[str, Any]:
    return {name: _value(item) for name, item in _dict(value).items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        if DIGESTED in value:
            return DigestedSecret(_text(value[DIGESTED]))
        if LOST in value:
            return Lost(_text(value[LOST]))
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no dict")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _ref(value: Any) -> ObjectRef:
    return ObjectRef(*map(_text, _list(value)))


def _change_key(value: Any) -> ChangeKey:
    action, model, uid, *step = _list(value)
    return ChangeKey(DSyncAction(_text(action)), _text(model), _text(uid), *map(_step, step))


def _key_line(key: ChangeKey) -> list[Any]:
    return [key.action.value, key.model, key.id, *([key.step] if key.step else [])]


def _step(value: Any) -> int:
    if value not in (0, 1) or isinstance(value, bool):
        raise TypeError("no step")
    return int(value)


def encoded_line(line: Mapping[str, Any]) -> str:
    """Return a line of a file, with the line end."""
    return text_of(line) + "\n"
