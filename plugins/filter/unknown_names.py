# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a role does not know."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_names
short_description: Find names that are not known, and suggest the nearest ones
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Returns the names that are not in a list of known names, each with the nearest known name where one is similar.
  - The roles of this collection refuse misspelt variables with it.
positional: _input, known
options:
  _input:
    description:
      - The names.
    type: list
    elements: str
    required: true
  known:
    description:
      - The names that are known.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse variables that the role does not know
  ansible.builtin.assert:
    that: unknown | length == 0
    fail_msg: "The role has no variable {{ unknown | join(', ') }}."
  vars:
    unknown: "{{ query('ansible.builtin.varnames', '^backup_') | dsync.core.unknown_names(['backup_path', 'backup_limit']) }}"
"""

RETURN = r"""
_value:
  description: The unknown names, in alphabetical order.
  type: list
  elements: str
  sample: ['backup_limits (did you mean "backup_limit"?)', "backup_colour"]
"""

import difflib
import os
from collections.abc import Callable, Iterable, Sequence


def unknown_names(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the names that are not known, each with the nearest known one if one is similar."""
    prefix = os.path.commonprefix(list(known))  # noqa: RUF071  # of names; it would make all names alike
    rests = [name.removeprefix(prefix) for name in known]
    return [f"{name}{_meant(name.removeprefix(prefix), rests, prefix)}" for name in sorted(set(names) - set(known))]


def _meant(name: str, known: Sequence[str], prefix: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f' (did you mean "{prefix}{near[0]}"?)' if near else ""


class FilterModule:
    """The filter of this file's name."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"unknown_names": unknown_names}
