# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a system reports of the records at a place, for :mod:`...discovery`: their fields, types, keys and references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FieldSchema:
    """A field of records.

    Attributes:
        type: the declared type that its values fit, such as ``int``; empty where the system does not report one.
        nullable: whether it can be null.
        choices: the only values that it can have; empty for any.
        read_only: whether it takes no value.
    """

    type: str = ""
    nullable: bool = True
    choices: Sequence[str | int] = ()
    read_only: bool = False


@dataclass(frozen=True)
class Schema:
    """The records at a place.

    Attributes:
        fields: path of a field, as in a mapping → what is known of it.
        key: the fields by which the system itself tells the records apart; empty if it reports none.
        uniques: other fields, alone or together, of which no two records have the same values.
        references: field → the place and the field there that its values refer to.
    """

    fields: Mapping[str, FieldSchema]
    key: tuple[str, ...] = ()
    uniques: Sequence[tuple[str, ...]] = ()
    references: Mapping[str, tuple[str, str]] = field(default_factory=dict)
