# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a message about an unknown name: the nearest name, and the known names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_SHOWN = 12


def known(wrong: object, names: Iterable[str]) -> str:
    """Return `` (did you mean "x"? known: x, y)`` for a name that is not one of ``names``, or that there are none."""
    there = list(names)
    if not there:
        return " (there are none)"
    near = difflib.get_close_matches(str(wrong), there, n=1)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    more = f" and {len(there) - MOST_SHOWN} more" if len(there) > MOST_SHOWN else ""
    return f" ({meant}known: {', '.join(there[:MOST_SHOWN])}{more})"
