# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a system holds after a write, compared with what it was given: it may trim, round or translate a value, or cut it off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from ..._util.pydantic import ValidationError
from ..._util.visible import visible
from ...model.comparison import comparison_in, remedy_for
from ...model.model import DSyncModel
from ...model.values import same_value
from ...records.mapping import ModelMap, Record
from ...records.path import MISSING

_MOST_NAMED = 5
_LONGEST = 60


class _Altered(NamedTuple):
    """A value that a system holds in the place of the one that it was given."""

    model: str
    uid: str
    name: str
    held: str
    given: str
    remedy: str

    def __str__(self) -> str:
        return f'{self.name} of {self.model} "{self.uid}"' + (f" is {self.held} instead of {self.given}" if self.held else "")


class ReadBack:
    """Notes which values a system alters."""

    def __init__(self) -> None:
        self._altered: list[_Altered] = []

    def check(self, mapped: ModelMap, obj: DSyncModel, names: Iterable[str], record: Record, empty_is_none: bool) -> None:
        """Compare what was written of an object with what its record holds.

        Values that the model declares to be equal are. A field that the record lacks, or that cannot be read, is not compared.

        Args:
            mapped: the object's model.
            obj: the object as it was written; not changed.
            names: the fields that were written.
            record: the native record as the system has returned it.
            empty_is_none: whether an empty string in a record is null where an attribute may be null.
        """
        for name in names:
            field = mapped.fields.get(name)
            if field is None or not field.written or field.write_only or name in mapped.model._create_only:
                continue
            with contextlib.suppress(Exception):  # whatever a type or an expression raises: the write was made all the same
                value = field.value_of(record, empty_is_none=empty_is_none)
                if value is not MISSING and not _is_held(obj, name, value):
                    self._note(mapped, obj, name, value)

    def _note(self, mapped: ModelMap, obj: DSyncModel, name: str, value: Any) -> None:
        wanted, held, given, remedy = getattr(obj, name), "", "", ""
        if name not in mapped.model.get_sensitive_fields():
            declared = comparison_in(mapped.model.model_fields[name].metadata)
            held, given = _shown(value), _shown(wanted)
            remedy = remedy_for(value, wanted, () if declared is None else declared.names) or _zone_of(value, wanted)
        self._altered.append(_Altered(mapped.name, obj.get_unique_id(), name, held, given, remedy))

    def sentence(self, system: str) -> str:
        """Return a sentence that names the values which a system holds otherwise, and how to declare those equal that are; an empty
        string if there are none."""
        if not self._altered:
            return ""
        named = ", ".join(map(str, self._altered[:_MOST_NAMED]))
        more = len(self._altered) - _MOST_NAMED
        rest = f", and {more} more" if more > 0 else ""
        said = f"{system} keeps other values than were written, so the next run finds them changed again: {named}{rest}"
        remedies = dict.fromkeys(f"{one.remedy} for {one.name} of {one.model}" for one in self._altered if one.remedy)
        return f"{said}. Declare {' and '.join([*remedies][:_MOST_NAMED])} to compare them as equal" if remedies else said


def _is_held(obj: DSyncModel, name: str, value: Any) -> bool:
    """Return whether a value of a record is what an object has in a field."""
    wanted = getattr(obj, name)
    if value.__class__ is wanted.__class__ and value == wanted:
        return True
    found = obj.model_copy()
    try:
        found.update_base({name: value})
    except ValidationError:
        return False
    return same_value(getattr(found, name), wanted, name in obj._declaration.exact)


def _zone_of(held: Any, given: Any) -> str:
    """Return the declaration of the zone in which a system takes a time that was written without one; otherwise an empty string."""
    if not isinstance(held, datetime) or not isinstance(given, datetime) or given.utcoffset() is not None:
        return ""
    offset = held.utcoffset()
    if offset is None or held.replace(tzinfo=None) != given:
        return ""
    return f'"timezone: {held.isoformat()[-6:]}"' if offset else '"timezone: UTC"'


def _shown(value: Any) -> str:
    if isinstance(value, (date, time)):
        text = value.isoformat()
    else:
        text = visible(str(value) if isinstance(value, Decimal) else repr(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
