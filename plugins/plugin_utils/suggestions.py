# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggestions for an unknown name, as in ``dsync._util.suggestions``, whose import would import the whole library."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_SHOWN = 12


def known(wrong: str, names: Iterable[str]) -> str:
    """Return `` (did you mean "x"? known: x, y)`` for a name that is not in ``names``, to end a sentence."""
    there = list(names)
    if not there:
        return " (there are none)"
    near = difflib.get_close_matches(wrong, there, n=1)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    more = f" and {len(there) - MOST_SHOWN} more" if len(there) > MOST_SHOWN else ""
    return f" ({meant}known: {', '.join(there[:MOST_SHOWN])}{more})"
