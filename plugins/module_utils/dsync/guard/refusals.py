# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Raising the refusals of a run, and naming their changes."""

from __future__ import annotations

from collections.abc import Sequence

from ..exceptions import Refused
from ..plan.change import Change

_EXAMPLES = 5


def named(changes: Sequence[Change]) -> str:
    """Return the names of a few of the changes, for a message."""
    names = ", ".join(f'{change.model} "{change.id}"' for change in changes[:_EXAMPLES])
    return names + (", …" if len(changes) > _EXAMPLES else "")


def refuse(refusals: Sequence[Refused]) -> None:
    """Raise the refusals, if there are any: a single one as it is, several as one exception that lists them."""
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise Refused("; ".join(map(str, refusals)))
