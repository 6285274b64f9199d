# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronizes a dataset with another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_sync
short_description: Bring a dataset in line with its source of truth
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads a source and a target through adapters, and creates, updates, and deletes objects of the target to bring it in line
    with the source.
  - Objects that only the target has are deleted, unless O(prune=false). A run that would delete more than 30% of the objects of a
    model is refused unless O(limits) allows it.
  - A change that fails makes the task fail. The complete result is returned nevertheless, including what was done before.
  - With a custom adapter, each change calls the C(create), C(update), C(move), or C(delete) of the object's class on the
    target's side. If anything was changed, the C(sync_complete) of the target's adapter is called once at the end.
extends_documentation_fragment:
  - dsync.core.adapters
  - dsync.core.options
  - dsync.core.presets
options:
  plan_src:
    description:
      - Path of a plan on the target host that M(dsync.core.dsync_diff) or O(undo) has written. Exactly this plan is applied. The
        file, the declarations of the models, and the state that every change expects in the target are checked before the first
        write.
      - C({digest}) in the name of the file is replaced by the first 16 digits of O(plan_digest).
      - Changes that are already in effect are skipped, so that applying a plan twice, or again after a crash, completes it and
        changes nothing else.
      - O(only_models), O(only), O(exclude), O(compare_attributes), and O(protect) do not narrow a plan further. They are allowed if
        the plan was made with the same values, as with C(module_defaults) for both modules.
    type: path
    aliases: [plan]
  plan_digest:
    description:
      - Digest of the approved plan, as RV(dsync.core.dsync_diff#module:plan.digest). Any other plan is refused.
    type: str
  approved:
    description:
      - Digest of an approved plan, as RV(dsync.core.dsync_diff#module:plan.digest), where the datasets are compared again instead
        of reading the plan with O(plan_src). If the changes have another digest now, nothing is changed, and the task fails.
    type: str
  undo_journal:
    description:
      - Path of a journal on the target host. Undoes (rolls back) what one of its runs did, whether that run ended normally or was
        interrupted.
      - An object that was deleted is created again with the attributes that its model declares. What else the system had of it,
        such as a column that no model mentions, is not restored.
    type: path
  undo_run:
    description:
      - ID of the run that O(undo_journal) undoes. Defaults to the last run that changed something, or may have, and
        was not itself an undo.
    type: str
  on_stale:
    description:
      - What to do if an object of the target is stale, which means that it matches neither the state recorded in the plan nor the
        desired state. V(fail) refuses the run, V(skip) refuses the change and what depends on it; such changes do not make the
        task fail.
    type: str
    choices:
      - fail
      - skip
    default: fail
  lost_secrets:
    description:
      - What to do if a plan needs a sensitive value that neither source nor target has any more, since files contain none. V(fail)
        refuses the run, V(leave) leaves the attribute unchanged and does not create objects without it.
    type: str
    choices:
      - fail
      - leave
    default: fail
  journal:
    description:
      - Path of a file on the target host to which the run appends each change before it is attempted, and how it ended,
        each written to disk before the run continues. Even after a crash it documents what was done, what may have been done, and
        what was not. M(dsync.core.dsync_journal_info) reads it.
    type: path
  undo:
    description:
      - Path of a file on the target host to write a plan to that undoes exactly what was done, for O(plan_src) of a later task. A
        plan that undoes everything is written before the first change, so that the file exists if the run is interrupted; changes
        that were not made need no undoing. That plan is kept if a change may have been made, as after an interrupted commit. If
        there is nothing to do, the file is not touched.
    type: path
  mode:
    description:
      - Permissions of the files for O(journal), O(undo), and O(baseline), as octal digits such as V('0640'), or as symbols such as
        V(u=rw,g=r), which change V('0600'). The owner must be able to read and write them. An existing journal keeps its mode.
      - The files contain values of objects; secrets are digests.
    type: raw
    default: "0600"
  lock:
    description:
      - Path of a file on the target host that is locked during the run, so that no two runs change the target at the
        same time. The lock of a run that died is free. Requires the Python library filelock on the target host.
    type: path
  lock_timeout:
    description:
      - How many seconds to wait for another run to release O(lock).
    type: float
    default: 0
  verify:
    description:
      - Whether to load the target again after the run, and fail if it does not match the desired state.
    type: bool
    default: false
  retries:
    description:
      - How many times to retry a change that failed with a transient error, as classified by the adapter. The first wait is half a
        second, and each is twice as long as the one before, up to 30 seconds, with a random part. Requires the Python library
        tenacity on the target host.
    type: int
    default: 0
  workers:
    description:
      - How many changes, or batches of changes, to make at the same time, each as soon as what it depends on is done. The adapter
        of the target must be declared thread-safe, as V(netbox) and V(nautobot) are; any other adapter makes one change at a
        time, with a warning.
      - After a failure that ends the run, changes that were already started are completed.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    details:
      - Both datasets are loaded and compared. No C(create), C(update), C(move), C(delete) or C(sync_complete) is called, and the
        changes that are returned are exactly those that a run would make. The files of O(reports) are written.
  idempotent:
    support: partial
    details:
      - If the target's adapter loads what it has written.
seealso:
  - module: dsync.core.dsync_diff
"""

EXAMPLES = r"""
- name: Bring an export in line with the source of truth, deleting what only the export has
  dsync.core.dsync_sync:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    prune: true
  register: export

- name: Show what was changed
  ansible.builtin.debug:
    msg: "{{ export.changes | map(attribute='id') }}"

- name: Create and update only, and continue with other objects if one fails
  dsync.core.dsync_sync:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    prune: false
    flags: [continue_on_failure]

- name: Synchronize routers only, never delete a core router, and refuse a run with more than ten deletes
  dsync.core.dsync_sync:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    only:
      - {model: device, attributes: {role: router}}
    protect:
      - {id: core-*, action: delete}
    limits: {delete: 10}

- name: Bring a database in line with NetBox
  dsync.core.dsync_sync:
    models:
      site: {identifiers: [name], attributes: {status: str}}
    source:
      adapter: netbox
      options: {url: "https://netbox.example.com"}
      secrets: {token: "{{ vault_netbox_token }}"}
    target:
      adapter: sql
      options: {url: "postgresql://cmdb@db.example.com/cmdb"}
      secrets: {password: "{{ vault_cmdb_password }}"}
      mapping:
        site: {from: sites, fields: {name: site_name}}

- name: Apply the approved plan, with a lock, a journal, and an undo plan
  dsync.core.dsync_sync:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    plan_src: /var/lib/dsync/export.plan
    plan_digest: "{{ approved_digest }}"
    lock: /var/lib/dsync/export.lock
    journal: /var/lib/dsync/export.journal
    undo: /var/lib/dsync/export.undo
    verify: true

- name: Roll back what the last run did, even if it was interrupted
  dsync.core.dsync_sync:
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    source: {adapter: file, options: {path: /srv/sot.yml}}
    target: {adapter: file, options: {path: /srv/export.csv}}
    undo_journal: /var/lib/dsync/export.journal
    reports:
      - path: /var/log/dsync/undone.md

- name: Use custom adapters
  dsync.core.dsync_sync:
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
  description: Whether anything in the target was changed or may have been, or in check mode would be changed.
  returned: always
  type: bool
  sample: true
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
    - The changes that bring the target in line with the source, in the order in which they are made. If the run is refused, only
      the first ones, as many as fit on a screen; O(reports) hold all of them.
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
        How the change ended, V(done), V(already_done), V(failed), V(refused) or V(not_attempted). In check mode always
        V(not_attempted).
      type: str
      sample: done
    message:
      description: Why the change ended like that, or the message of the adapter.
      type: str
      sample: ""
outcomes:
  description:
    - How many of the changes ended with each status. The numbers add up to the number of all changes.
  returned: when both datasets could be loaded and compared
  type: dict
  sample: {"done": 4, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 0}
refusals:
  description:
    - Why a run is refused, such as a limit that is exceeded, one sentence each. Empty if the run is not refused.
      A refused run changes nothing, and the task fails, in check mode too.
  returned: when both datasets could be loaded and compared
  type: list
  elements: str
  sample: ["limits.delete: 10 is exceeded: 12 to delete (device \"sw-1\", device \"sw-2\", …)"]
plan:
  description: The plan's file.
  returned: when O(plan_src) is given
  type: dict
  contains: &file
    path:
      description: Path of the file.
      type: str
      sample: /var/lib/dsync/cmdb.plan
    digest:
      description: The digest of the plan. Plans of the same changes have the same digest.
      type: str
      sample: sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a
    changes:
      description: Number of changes in it.
      type: int
      sample: 4
undo:
  description: The file with the plan that undoes what was done.
  returned: when O(undo) is given and there was something to do
  type: dict
  contains: *file
journal:
  description: What was added to the journal.
  returned: when O(journal) is given, but not in check mode
  type: dict
  contains:
    path:
      description: The journal's file.
      type: str
      sample: /var/lib/dsync/cmdb.journal
    run:
      description: The id of the run.
      type: str
      sample: 8b1f0c2d9e3a4756
verified:
  description: Whether the target, loaded again, matched the desired state.
  returned: when O(verify) is set and nothing failed
  type: bool
  sample: true
changes_truncated:
  description: How many changes RV(changes) omits. 0 if it is complete.
  returned: when both datasets could be loaded and compared
  type: int
  sample: 0
failures:
  description:
    - Those of the changes that failed or were refused, as many of them as there is room for. The message of the task reports
      how many there are. Changes that were refused because they are protected, or stale with O(on_stale=skip), are listed here
      and do not make the task fail; all others do.
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
  description: What was loaded from the target, before anything was changed.
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

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import SYNC_ONLY, SYNC_RULES, argument_spec
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=argument_spec(**SYNC_ONLY), supports_check_mode=True, **SYNC_RULES).run("sync")


if __name__ == "__main__":
    main()
