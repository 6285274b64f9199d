# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts changes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: counts
short_description: Count changes by action, model and status
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Counts the changes of a registered result of M(dsync.core.dsync_diff), M(dsync.core.dsync_sync), M(dsync.core.dsync_plan_info),
    or M(dsync.core.dsync_journal_info), including those that the result omits.
  - Skipped items of a loop are ignored. A result in which everything was skipped is an error.
  - Alternatively counts a list of changes, such as P(dsync.core.changes#filter) returns.
positional: _input
options:
  _input:
    description:
      - The registered result, which may be that of a loop, or a list of changes.
    type: raw
    required: true
seealso:
  - plugin: dsync.core.changes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compare the CMDB with the source of truth
  dsync.core.dsync_diff:
    source:
      adapter: adapters/sot.py:SourceOfTruth
    target:
      adapter: acme_cmdb.adapters:Cmdb
  register: cmdb

- name: Show the number of differences
  ansible.builtin.debug:
    msg: "{{ cmdb | dsync.core.counts }}"

- name: Show how many routers would be deleted
  ansible.builtin.debug:
    msg: "{{ (cmdb | dsync.core.changes(id='rtr-*') | dsync.core.counts).deletes }}"
"""

RETURN = r"""
_value:
  description:
    - C(creates), C(updates), C(moves), C(deletes) and C(total), the numbers of changes.
    - C(by_model), the same five numbers for each model that has changes, by the name of the model.
    - C(by_status), the numbers of changes that ended with each status.
  type: dict
  sample:
    creates: 2
    updates: 1
    moves: 0
    deletes: 0
    total: 3
    by_model:
      site: {"creates": 0, "updates": 1, "moves": 0, "deletes": 0, "total": 1}
      device: {"creates": 2, "updates": 0, "moves": 0, "deletes": 0, "total": 2}
    by_status: {"done": 0, "maybe": 0, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 3}
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ..plugin_utils.registered_results import COUNTED, COUNTERS, STATUSES, change_records, compared_results

NAME = "dsync.core.counts"


def counts(result: Any) -> dict[str, Any]:
    """Return how many changes there are of each action, model and status."""
    if isinstance(result, Mapping):
        results = compared_results(result, NAME, COUNTED)
        found: Counter[tuple[str, str]] = Counter()
        ended: Counter[str] = Counter()
        for one in results:
            found.update(_summary(one))
            ended.update(one["outcomes"])
        return _counts(found, ended)
    records = change_records(result, NAME)[0]
    actions = Counter((record["model"], record["action"]) for record in records)
    return _counts(actions, Counter(record["status"] for record in records))


def _summary(result: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    by_model = result["summary"]["by_model"]
    return {
        (model, action): by_model[model][name] for model in by_model for action, name in COUNTERS.items() if by_model[model][name]
    }


def _counts(found: Counter[tuple[str, str]], ended: Counter[str]) -> dict[str, Any]:
    models = dict.fromkeys(model for model, _action in found)
    by_model = {model: _with_total({name: found[model, action] for action, name in COUNTERS.items()}) for model in models}
    sums = {name: sum(numbers[name] for numbers in by_model.values()) for name in COUNTERS.values()}
    return {**_with_total(sums), "by_model": by_model, "by_status": {status: ended[status] for status in STATUSES}}


def _with_total(numbers: dict[str, int]) -> dict[str, int]:
    return {**numbers, "total": sum(numbers.values())}


class FilterModule:
    """The filter of this file's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"counts": counts}
