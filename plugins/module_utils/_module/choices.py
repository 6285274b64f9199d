# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a sentence about a name that is not there: what there is instead."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

MOST_SHOWN = 12


def choices(wrong: str, names: Sequence[str], whose: str = "it has") -> str:
    """Return the rest of a sentence that ends by naming a wrong name: the right ones, and the one that was perhaps meant.

    Args:
        wrong: the name that is not there.
        names: those that are.
        whose: how to begin telling them.
    """
    if not names:
        return f"; {whose} none."
    close = difflib.get_close_matches(wrong, names, n=1)
    meant = f' Did you mean "{close[0]}"?' if close else ""
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return f"; {whose} {', '.join(names[:MOST_SHOWN])}{more}.{meant}"
