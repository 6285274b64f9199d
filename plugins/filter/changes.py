# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selects changes of a registered result."""

from __future__ import annotations

DOCUMENTATION = r"""
name: changes
short_description: Select changes from the result of a comparison or a synchronisation
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Returns the changes in a registered result of M(dsync.core.dsync_diff), M(dsync.core.dsync_sync), M(dsync.core.dsync_plan_info),
    or M(dsync.core.dsync_journal_info) that match all criteria, in their order.
  - An empty list as a criterion matches nothing. A model that neither dataset has is an error.
  - A result contains at most O(dsync.core.dsync_diff#module:max_changes) changes. If there are more, the others
    cannot be selected, and a warning says so.
positional: _input
options:
  _input:
    description:
      - The registered result, which may be that of a loop, or a list of changes, such as this filter returns.
    type: raw
    required: true
  model:
    description:
      - The name of a model, or a list of names.
    type: list
    elements: str
  action:
    description:
      - V(create), V(update), V(move) or V(delete), or a list of these.
    type: list
    elements: str
    choices:
      - create
      - update
      - move
      - delete
  id:
    description:
      - A shell-style pattern of the identifier, such as V(rtr-*), or after a V(~) a regular expression, such as V(~^rtr-[0-9]+$).
    type: str
  status:
    description:
      - Status of the change, or a list of these.
    type: list
    elements: str
    choices:
      - done
      - maybe
      - already_done
      - failed
      - refused
      - not_attempted
seealso:
  - plugin: dsync.core.counts
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

- name: Name the routers that would be deleted
  ansible.builtin.debug:
    msg: "{{ cmdb | dsync.core.changes(model='device', action='delete', id='rtr-*') | map(attribute='id') }}"

- name: Go on only if no more than five devices and interfaces would be created or deleted
  ansible.builtin.assert:
    that: cmdb | dsync.core.changes(model=['device', 'interface'], action=['create', 'delete']) | length <= 5
"""

RETURN = r"""
_value:
  description: The changes, each as in RV(dsync.core.dsync_diff#module:changes).
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..module_utils.dsync.diff.selectors import Selector
from ..module_utils.dsync.exceptions import SelectorError
from ..plugin_utils.registered_results import ACTIONS, STATUSES, change_records, checked_names, models_of

NAME = "dsync.core.changes"

display = Display()


def changes(result: Any, model: Any = None, action: Any = None, id: Any = None, status: Any = None) -> list[Any]:
    """Return the changes of a result that are like all that is asked for."""
    records, more = change_records(result, NAME)
    if more:
        display.warning(f"{NAME}: {more} more changes are not in the result, so they are not looked at; see max_changes.")
    wanted = {
        "model": checked_names(model, sorted(models_of(result, NAME)), f"{NAME}: model"),
        "action": checked_names(action, ACTIONS, f"{NAME}: action"),
        "status": checked_names(status, STATUSES, f"{NAME}: status"),
    }
    if id is not None and not isinstance(id, str):
        raise AnsibleFilterError(f"{NAME}: id should be a pattern, which is a string, and is {id!r}.")
    try:
        selector = Selector(id=id)
    except SelectorError as error:
        raise AnsibleFilterError(f"{NAME}: {error}.") from None
    return [
        record
        for record in records
        if all(chosen is None or record[key] in chosen for key, chosen in wanted.items())
        and selector.matches(record["model"], record["id"], None)
    ]


class FilterModule:
    """The filter of this file's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"changes": changes}
