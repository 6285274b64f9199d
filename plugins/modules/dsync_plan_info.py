# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports what a plan file holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_plan_info
short_description: Show the content of a plan file for approval
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Reads a plan that M(dsync.core.dsync_diff) or M(dsync.core.dsync_sync) has written, and returns its header, its digest and its
    changes. The datasets are not needed, and nothing is written.
  - The file is checked as a run checks it. A file that is truncated, or was changed after it was written, is a failure.
  - The filters P(dsync.core.report#filter), P(dsync.core.counts#filter) and P(dsync.core.changes#filter) accept the registered
    result.
requirements:
  - python >= 3.10 (on the host that runs the task)
  - pydantic >= 2.6 (on the host that runs the task)
options:
  path:
    description:
      - Path of the plan, on the host that runs the task.
    type: path
    required: true
  approved:
    description:
      - The digest of the approved plan, as RV(plan.digest). The task fails when the file holds another plan.
    type: str
  max_changes:
    description:
      - The largest number of records that RV(changes) holds. It holds fewer when the records are long.
    type: int
    default: 500
attributes:
  action_group:
    description: Use C(group/dsync.core.info) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - dsync.core.info
  check_mode:
    support: full
    description: Can run in check mode and return what would be changed, without changing anything.
    details:
      - The module only reads.
  diff_mode:
    support: N/A
    description: Returns what has changed, or in check mode what would be changed, when run with C(--diff).
    details:
      - The module changes nothing, and Ansible shows differences of changed tasks only. The filter P(dsync.core.report#filter)
        shows the changes.
  idempotent:
    support: full
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing.
  platform:
    support: full
    description: Operating systems that the host may have.
    platforms: posix
notes:
  - A plan file holds no sensitive value, only a digest of it. Sensitive values are shown as V(********).
  - Whether the target is still as the plan expects it is checked by M(dsync.core.dsync_sync), in check mode too.
seealso:
  - module: dsync.core.dsync_diff
  - module: dsync.core.dsync_sync
  - module: dsync.core.dsync_journal_info
"""

EXAMPLES = r"""
- name: Write a plan
  dsync.core.dsync_diff:
    source:
      adapter: file
      options:
        path: /srv/estate/sot.yml
    target:
      adapter: file
      options:
        path: /srv/estate/export.csv
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    plan_dest: /srv/estate/devices.plan

- name: Read the plan that waits for approval
  dsync.core.dsync_plan_info:
    path: /srv/estate/devices.plan
  register: waiting

- name: Show it, and how to approve it
  ansible.builtin.debug:
    msg: "{{ [planned] + (waiting | dsync.core.report('text')).splitlines() + [approve] }}"
  vars:
    planned: "planned by {{ waiting.plan.by }} at {{ waiting.plan.created }}"
    approve: "approve with: -e approved={{ waiting.plan.digest }}"

- name: Write it to a page for the approver
  ansible.builtin.copy:
    content: "{{ waiting | dsync.core.report('html') }}"
    dest: /srv/www/waiting.html
    mode: "0600"

- name: Make sure that the file is the approved plan
  dsync.core.dsync_plan_info:
    path: /srv/estate/devices.plan
    approved: "{{ approved }}"
"""

RETURN = r"""
plan:
  description: The plan.
  returned: success
  type: dict
  contains:
    path:
      description: Path of the file.
      type: str
      sample: /srv/estate/devices.plan
    digest:
      description: The digest by which it is approved. Plans of the same changes have the same digest.
      type: str
      sample: sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a
    changes:
      description: Number of changes.
      type: int
      sample: 4
    purpose:
      description: V(sync), or V(undo) for a plan that reverses a run.
      type: str
      sample: sync
    created:
      description: When it was written, in UTC.
      type: str
      sample: "2026-11-23T03:00:00Z"
    by:
      description: Who wrote it, as user and host.
      type: str
      sample: awx@runner-1
    dsync:
      description: The version of dsync that wrote it.
      type: str
      sample: 0.1.0
    flags:
      description: The flags with which the datasets were compared.
      type: list
      elements: str
      sample: []
approved:
  description: Whether O(approved) was given, and is the digest of this plan.
  returned: success
  type: bool
  sample: false
summary:
  description:
    - How many objects are created (C(creates)), updated (C(updates)), moved (C(moves)) and deleted (C(deletes)), in all and for
      each model (C(by_model)).
    - C(unchanged) and C(skipped) are 0, since a plan does not record the number of unchanged objects.
  returned: success
  type: dict
  sample:
    creates: 2
    updates: 1
    moves: 0
    deletes: 1
    unchanged: 0
    skipped: 0
    by_model:
      device: {"creates": 2, "updates": 1, "moves": 0, "deletes": 1, "unchanged": 0, "skipped": 0}
changes:
  description:
    - The changes, in the order in which M(dsync.core.dsync_sync) makes them, each as in RV(dsync.core.dsync_diff#module:changes).
    - Their status is V(refused) for a change that is protected, and V(not_attempted) for the others.
  returned: success
  type: list
  elements: dict
  sample:
    - action: update
      model: device
      id: rtr-nyc
      ids: {"name": "rtr-nyc"}
      parent: null
      before: {"role": "switch"}
      after: {"role": "router"}
      status: not_attempted
      message: "not applied: read from a plan"
changes_truncated:
  description: How many more changes the plan has than RV(changes) shows. 0 when it shows all.
  returned: success
  type: int
  sample: 0
outcomes:
  description: How many of the changes have each status.
  returned: success
  type: dict
  sample: {"done": 0, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 4}
refusals:
  description: Always empty. Limits are checked when a plan is made, and when it is applied.
  returned: success
  type: list
  elements: str
  sample: []
source:
  description: The dataset that the values come from.
  returned: success
  type: dict
  contains: &side
    name:
      description: Name of the dataset. V(undo) in the place of the source of a plan that reverses a run.
      type: str
      sample: source of truth
    adapter:
      description: The adapter, as named in the task that wrote the plan.
      type: str
      sample: file
    total:
      description: Always V(null), since a plan does not record the number of objects.
      type: int
target:
  description: The dataset that the plan changes.
  returned: success
  type: dict
  contains: *side
"""

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import PLAN_INFO
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=PLAN_INFO, supports_check_mode=True).run("plan_info")


if __name__ == "__main__":
    main()
