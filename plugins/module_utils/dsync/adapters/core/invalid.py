# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages about records that do not fit their model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._util.pydantic import ValidationError
from ...model.construction import problems_of
from ...model.model import DSyncModel

_EMPTY = 'the field is empty; add "| None" to the type of the attribute if it may be'
_NO_CHOICE = "correct the record, or add its value to the choices of the attribute"


def problems_in(model: type[DSyncModel], row: Mapping[str, Any], error: ValidationError) -> str:
    """Return what is wrong with the values of a record, and what can be done about it, without the values.

    Args:
        model: the model of the record.
        row: attribute or identifier → value.
        error: the exception that these values cause.
    """
    return "; ".join(problems_of(error, dict(_ways_out(model, row, error))))


def _ways_out(model: type[DSyncModel], row: Mapping[str, Any], error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield name → way out for the values for which there is one; nothing is said about sensitive values."""
    hidden = model.get_sensitive_fields()
    for line in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(line["loc"][0]) if line["loc"] else ""
        if name in hidden or name not in row:
            continue
        if row[name] == "" and name in model._attributes:
            yield name, _EMPTY
        elif line["type"] == "literal_error" and len(line["loc"]) == 1:
            yield name, _NO_CHOICE
