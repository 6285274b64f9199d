# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares two datasets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_diff
short_description: Compare a dataset with its source of truth
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads a source and a target through adapters, and reports what would have to be created, updated, or deleted to bring the
    target in line with the source.
  - Never writes. M(dsync.core.dsync_sync) with the same O(source), O(target) and O(flags) makes the changes that this module
    returns.
  - Reports a change when the datasets differ, protected differences included, so that C(--diff) shows the differences and handlers
    run. With C(changed_when=false) in the task it never does; RV(drift) and the test P(dsync.core.in_sync#test) still report drift.
extends_documentation_fragment:
  - dsync.core.adapters
  - dsync.core.options
  - dsync.core.presets
options:
  plan_dest:
    description:
      - Path of a file on the target host to write the plan to, which contains the changes in their order. It can be read and
        approved, and M(dsync.core.dsync_sync) then applies exactly this plan. The file is written in check mode too.
      - C({digest}) in the name of the file is replaced by the first 16 digits of the plan's digest, so that no plan overwrites
        another one that waits for approval. RV(plan.path) is the resulting path.
      - A file that contains the same plan is kept. A file that contains anything else is replaced.
    type: path
    aliases: [plan]
  mode:
    description:
      - Permissions of the file for O(plan_dest), as octal digits such as V('0640'), or as symbols such as V(u=rw,g=r), which change
        V('0600'). The owner must be able to read and write it. A plan that is kept keeps its mode.
      - Plans contain values of objects; secrets are digests.
    type: raw
    default: "0600"
  lock:
    description:
      - Path of a file on the target host that is locked while the datasets are compared and the plan is written, so that no run of
        M(dsync.core.dsync_sync) with the same lock changes the target meanwhile. Requires the Python library filelock on the target
        host.
    type: path
  lock_timeout:
    description:
      - How many seconds to wait for another run to release O(lock).
    type: float
    default: 0
  compare_only:
    description:
      - Whether to compare shards for other tasks, keep the answers in O(shard_store), and end. Each task takes a shard that no
        other task has compared or compares now, until there are none. If a task is killed, others take its shards.
    type: bool
    default: false
  fail_on_drift:
    description:
      - Whether to fail if the datasets differ in anything that is not protected. RV(drift) distinguishes drift from other failures.
      - Ansible shows the result of a failed task as one line. So that it fits on a screen, RV(changes) and RV(failures) hold only
        the first records then. O(plan) and O(reports) hold all changes, as does a task without this option.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details:
      - The module never changes a dataset, with or without check mode. It writes O(plan_dest) and O(reports) in both.
  idempotent:
    support: N/A
    details:
      - The module changes nothing, and reports the same differences for as long as they exist.
seealso:
  - module: dsync.core.dsync_sync
"""

EXAMPLES = r"""
- name: Compare an export with the source of truth
  dsync.core.dsync_diff:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
  register: export

- name: Show which objects differ
  ansible.builtin.debug:
    msg: "{{ export.changes | map(attribute='id') }}"

- name: Fail on drift, but ignore what only the export has
  dsync.core.dsync_diff:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    prune: false
    fail_on_drift: true

- name: Distinguish drift from a comparison that failed
  block:
    - name: Compare two files
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
        fail_on_drift: true
  rescue:
    - name: Pass on a failure that is not drift
      ansible.builtin.fail:
        msg: "{{ ansible_failed_result.msg }}"
      when: not ansible_failed_result.drift | default(false)

- name: Write a plan for approval, and see whether it would be refused
  dsync.core.dsync_diff:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    protect:
      - {model: device, id: core-*, action: delete}
    limits:
      delete: 10
      device: {update: 5%}
    plan_dest: /var/lib/dsync/export.plan
  register: audit

- name: Write the differences as a web page, and as test results for CI
  dsync.core.dsync_diff:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    reports:
      - path: /srv/www/drift.html
        mode: "0644"
      - path: "{{ playbook_dir }}/drift.xml"

- name: Compare the inventory of the play with NetBox
  dsync.core.dsync_diff:
    models:
      device: {identifiers: [name], attributes: {site: str}}
    source:
      adapter: netbox
      options: {url: "https://netbox.example.com"}
      secrets: {token: "{{ vault_netbox_token }}"}
    target:
      adapter: inventory
      mapping:
        device: {from: hosts, fields: {name: inventory_hostname, site: site}}

- name: Use custom adapters
  dsync.core.dsync_diff:
    source:
      adapter: adapters/sot.py:SourceOfTruth
      options: {path: sot.yml}
    target:
      adapter: acme.netops.cmdb.Cmdb
      options: {url: "https://cmdb.example.com"}
      secrets: {token: "{{ vault_cmdb_token }}"}
"""

RETURN = r"""
changed:
  description: Whether the datasets differ.
  returned: always
  type: bool
  sample: true
shards:
  description: How many shards there are, and the numbers of those that this task has compared.
  returned: with O(compare_only)
  type: dict
  sample: {total: 64, compared: [0, 3, 4]}
models:
  description: Names of all models of the two datasets, whether there are objects of them or not.
  returned: when both datasets were loaded
  type: list
  elements: str
  sample: [device, site]
summary:
  description:
    - How many objects there are of each kind, each object of either side counted once.
    - C(creates), objects that only the source has.
    - C(updates), objects that differ.
    - C(moves), objects that have another parent in the source. What is below them moves along, counted by its own differences.
    - C(deletes), objects that only the target has.
    - C(unchanged), objects that are the same on both sides.
    - C(skipped), objects that were skipped because of flags, or because only one side has their model.
    - C(by_model), the same six numbers for each model, by the name of the model.
    - The totals are also C(create), C(update), C(move), C(delete), C(no_change) and C(skip), which a template reads with
      brackets, as in C(summary['update']), since some of these are methods of dictionaries.
  returned: when both datasets could be loaded and compared
  type: dict
  sample:
    creates: 2
    updates: 1
    moves: 0
    deletes: 0
    unchanged: 97
    skipped: 0
    by_model:
      site: {"creates": 0, "updates": 0, "moves": 0, "deletes": 0, "unchanged": 4, "skipped": 0}
      device: {"creates": 2, "updates": 1, "moves": 0, "deletes": 0, "unchanged": 93, "skipped": 0}
changes:
  description:
    - The changes that bring the target in line with the source, in the order in which M(dsync.core.dsync_sync) makes them.
    - A value whose string form has more than 2000 characters is truncated and marked as such.
  returned: when both datasets could be loaded and compared
  type: list
  elements: dict
  contains: &record
    action:
      description: What is done to the object, V(create), V(update), V(move) or V(delete).
      type: str
      sample: update
    model:
      description: Name of the object's model.
      type: str
      sample: device
    id:
      description: The values of the identifiers as one string, unique among all objects of the model.
      type: str
      sample: rtr-nyc
    ids:
      description: The identifiers and their values.
      type: dict
      sample: {"name": "rtr-nyc"}
    parent:
      description: The object that this one belongs to, as C(model) and C(id). V(null) for a top-level object.
      type: dict
      sample: {"model": "site", "id": "nyc"}
    from:
      description: >-
        The object in the target, as C(id), C(ids) and C(parent), each in the form of the value of that name. For an object that is
        renamed, C(id) and C(ids) are the old ones.
      returned: for a move
      type: dict
      sample: {"id": "rtr-lon", "ids": {"name": "rtr-lon"}, "parent": {"model": "site", "id": "lon"}}
    to:
      description: The object in the source, in the form of C(from).
      returned: for a move
      type: dict
      sample: {"id": "rtr-nyc", "ids": {"name": "rtr-nyc"}, "parent": {"model": "site", "id": "nyc"}}
    before:
      description:
        - Attributes of the target's object as found. For an update or a move those that differ, for a delete all, V(null) for a
          create.
        - Sensitive values are shown as V(********).
      type: dict
      sample: {"role": "switch"}
    after:
      description:
        - Attributes of the source's object. For an update or a move those that differ, for a create all, V(null) for a delete.
        - Sensitive values are shown as V(********).
      type: dict
      sample: {"role": "router"}
    status:
      description: >-
        V(refused) for a change that is protected, V(not_attempted) for the others, since this module changes nothing.
      type: str
      sample: not_attempted
    message:
      description: Why the change ended like that, or the message of the adapter.
      type: str
      sample: "not applied: comparison only"
drift:
  description:
    - Whether the datasets differ in anything that is not protected. It is not returned when a dataset could not be loaded, so that
      a failure with RV(drift=true) is drift, not an error.
  returned: when both datasets could be loaded and compared
  type: bool
  sample: true
outcomes:
  description:
    - How many of the changes ended with each status. The numbers add up to the number of all changes.
  returned: when both datasets could be loaded and compared
  type: dict
  sample: {"done": 0, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 4}
refusals:
  description:
    - Why a run is refused, such as a limit that is exceeded, one sentence each. Empty when it is not.
      M(dsync.core.dsync_sync) with the same arguments would fail for these reasons, and change nothing.
  returned: when both datasets could be loaded and compared
  type: list
  elements: str
  sample: ["limits.delete: 10 is exceeded: 12 to delete (device \"sw-1\", device \"sw-2\", …)"]
plan:
  description: The plan's file.
  returned: when O(plan_dest) is given
  type: dict
  contains: &file
    path:
      description: Path of the file.
      type: str
      sample: /var/lib/dsync/cmdb.plan
    digest:
      description: The digest by which it is approved. Plans of the same changes have the same digest.
      type: str
      sample: sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a
    changes:
      description: Number of changes in it.
      type: int
      sample: 4
changes_truncated:
  description: How many changes RV(changes) omits. 0 if it is complete.
  returned: when both datasets could be loaded and compared
  type: int
  sample: 0
failures:
  description:
    - The changes that are refused because they are protected.
  returned: when both datasets could be loaded and compared
  type: list
  elements: dict
  contains: *record
  sample: []
reports:
  description: The reports that were written.
  returned: when O(reports) is given, and both datasets could be loaded and compared
  type: list
  elements: dict
  contains:
    path:
      description: Path of the file.
      type: str
      sample: /srv/www/drift.html
    format:
      description: Its format.
      type: str
      sample: html
source:
  description: What was loaded from the source.
  returned: when both datasets could be loaded and compared
  type: dict
  contains: &side
    name:
      description: Name of the dataset.
      type: str
      sample: SourceOfTruth
    adapter:
      description: The adapter, as named in the task.
      type: str
      sample: adapters/sot.py:SourceOfTruth
    counts:
      description: Number of objects that were loaded of each model.
      type: dict
      sample: {"device": 17, "site": 4}
    total:
      description: Number of objects that were loaded.
      type: int
      sample: 21
    records:
      description:
        - For the adapter V(memory), its records as they are at the end of the task, with sensitive values masked.
        - For V(netbox) and V(nautobot), a dictionary of the server's version, C(requests), how many requests were sent, and
          C(not_loaded), how many objects of each model were not loaded. V(netbox) adds C(request_ids), their ids in the change log;
          V(nautobot) adds C(read_by_rest), the kinds that were not read by GraphQL, and why.
      returned: for the adapters memory, netbox, and nautobot
      type: raw
target:
  description: What was loaded from the target.
  returned: when both datasets could be loaded and compared
  type: dict
  contains: *side
diff:
  description: The objects that change, before and after, for Ansible to show their differences. Capped at about 100 kB each.
  returned: when run with C(--diff) or O(ignore:diff=true)
  type: dict
  contains:
    before:
      description: The objects as the target has them, grouped by model.
      type: str
    after:
      description: The objects as the source has them, grouped by model.
      type: str
    before_header:
      description: Heading of RV(diff.before).
      type: str
      sample: Cmdb as it is
    after_header:
      description: Heading of RV(diff.after).
      type: str
      sample: Cmdb as SourceOfTruth has it
"""

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import DIFF_ONLY, DIFF_RULES, argument_spec
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=argument_spec(**DIFF_ONLY), supports_check_mode=True, **DIFF_RULES).run("diff")


if __name__ == "__main__":
    main()
