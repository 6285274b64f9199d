# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything is left to be done."""

from __future__ import annotations

DOCUMENTATION = r"""
name: in_sync
short_description: Whether a target matches its source
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Returns for a registered result of M(dsync.core.dsync_diff) whether there are no differences, and for M(dsync.core.dsync_sync)
    whether no differences are left. It is false for a task that failed.
  - For a loop it is true if it is true for every item that was not skipped.
  - A task that was skipped, or whose loop has no items that were not skipped, has compared nothing; testing its result is an error.
positional: _input
options:
  _input:
    description:
      - The registered result.
    type: dict
    required: true
  allow_refused:
    description:
      - Whether to ignore changes that were refused, such as protected ones.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Compare the CMDB with the source of truth
  dsync.core.dsync_diff:
    source:
      adapter: adapters/sot.py:SourceOfTruth
    target:
      adapter: acme_cmdb.adapters:Cmdb
  register: cmdb

- name: Open a ticket about the drift
  ansible.builtin.debug:
    msg: "{{ (cmdb | dsync.core.counts).total }} changes are required."
  when: cmdb is not dsync.core.in_sync
"""

RETURN = r"""
_value:
  description: Whether nothing is left to be done.
  type: bool
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.registered_results import has_parts, results_of

NAME = "dsync.core.in_sync"
LEFT = ("failed", "refused", "not_attempted")
"""The statuses of changes that were not made."""


def in_sync(result: Any, allow_refused: Any = False) -> bool:
    """Return whether nothing is left to be done."""
    try:
        allowed = boolean(allow_refused)
    except TypeError:
        raise AnsibleFilterError(f"{NAME}: allow_refused should be true or false, and is {allow_refused!r}.") from None
    left = [status for status in LEFT if status != "refused" or not allowed]
    results = results_of(result, NAME)
    if not results:
        raise AnsibleFilterError(
            f"{NAME}: the loop of the task has no items, so it compared nothing; guard this with a condition on the items."
        )
    return all(_is_in_sync(one, left) for one in results)


def _is_in_sync(result: Mapping[str, Any], left: list[str]) -> bool:
    return has_parts(result) and not result.get("failed") and not any(result["outcomes"][status] for status in left)


class TestModule:
    """The test of this file's name."""

    __test__ = False

    def tests(self) -> dict[str, Callable[..., Any]]:
        """Return the test by its name."""
        return {"in_sync": in_sync}
