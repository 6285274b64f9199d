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
    near = nearest(str(wrong), there)
    meant = f'did you mean "{near}"? ' if near else ""
    more = f" and {len(there) - MOST_SHOWN} more" if len(there) > MOST_SHOWN else ""
    return f" ({meant}known: {', '.join(there[:MOST_SHOWN])}{more})"


def nearest(wrong: str, names: Iterable[str]) -> str:
    """Return the name that is most like a wrong one; an empty string where none is."""
    return next(iter(difflib.get_close_matches(wrong, list(names), n=1)), "")
