# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a dataset like another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_sync
short_description: Bring a dataset in line with its source of truth
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads two datasets through Python classes of yours, the adapters, and creates, updates and deletes objects of the target
    until it is like the source.
  - Each change is made by the C(create), C(update) or C(delete) of the object's class on the target's side. A change that
    cannot be made is a failure of that object, and the task fails at its end. Everything is returned all the same.
  - When anything was changed, the C(sync_complete) of the target's adapter is called once at the end.
extends_documentation_fragment:
  - dsync.core.adapters
options:
  plan:
    description:
      - Path of a plan, on the host of the task, that M(dsync.core.dsync_diff) or O(undo) has written. Exactly it is applied. The
        file, the declarations of the models, and what every change expects of the target are checked before the first write.
      - A change whose object is as it is to be already is left alone, so that applying a plan twice, or again after a crash,
        finishes it and changes nothing more.
    type: path
  plan_digest:
    description:
      - The digest of the plan that was approved, as RV(dsync.core.dsync_diff#module:plan.digest). Any other plan is refused.
    type: str
  undo_journal:
    description:
      - Path of a journal. What one of its runs did is reversed, whether that run came to its end or was killed.
    type: path
  undo_run:
    description:
      - The id of the run that O(undo_journal) is to reverse. Without it, the last one that changed
        something, or may have, and was not itself an undo.
    type: str
  on_stale:
    description:
      - What happens when an object of the target is neither as a plan expects it, nor as it is to be. V(fail) refuses the run,
        V(skip) refuses the change, and what depends on it; such changes do not make the task fail.
    type: str
    choices:
      - fail
      - skip
    default: fail
  lost_secrets:
    description:
      - What happens when a plan needs a sensitive value that neither source nor target has any more, for files hold none. V(fail)
        refuses the run, V(leave) leaves the attribute as it is and creates no object without it.
    type: str
    choices:
      - fail
      - leave
    default: fail
  journal:
    description:
      - Path of a file, on the host of the task, to which the run appends each change before it is attempted, and how it ended,
        each on the disk before the run goes on. Also after a crash it tells what was done, what may have been, and what was not.
    type: path
  undo:
    description:
      - Path of a file to write the plan to that reverses exactly what was done, for O(plan) of a later task. A plan that reverses
        everything is written before the first change, so that the file is there when the run is killed, and what was not done
        needs no reversing. That plan stays when a change may have been made, as after an interrupted commit. When nothing is to
        be done the file is not touched.
    type: path
  lock:
    description:
      - Path of a file, on the host of the task, that is locked throughout the run, so that no two runs change the target at the
        same time. The lock of a run that died is free. Needs the Python library filelock on the host.
    type: path
  lock_timeout:
    description:
      - How many seconds to wait for another run to let go of O(lock).
    type: float
    default: 0
  verify:
    description:
      - Load the target again after the run, and fail if it is not as it is to be.
    type: bool
    default: false
  retries:
    description:
      - How often a change is tried again that failed in a way that may pass, which the adapter tells. The first wait is half a
        second, and each is twice as long as the one before, up to 30 seconds, with a random part. Needs the Python library
        tenacity on the host.
    type: int
    default: 0
  workers:
    description:
      - How many changes, or batches of them, are made at the same time, each as soon as what it depends on is done. The adapter of
        the target must say that it is thread-safe, as V(netbox) and V(nautobot) do; with any other one it is a single change at a
        time, and a warning.
      - After a failure that ends the run, what had been begun beside it comes to its end.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    details:
      - Both datasets are loaded and compared. No C(create), C(update), C(delete) or C(sync_complete) is called, and the
        changes that are returned are exactly those that a run would make. The files of O(reports) are written.
  idempotent:
    support: partial
    details:
      - As far as the target's adapter loads again what it has written.
seealso:
  - module: dsync.core.dsync_diff
"""

EXAMPLES = r"""
- name: Bring the CMDB in line with the source of truth
  dsync.core.dsync_sync:
    source:
      adapter: adapters/sot.py:SourceOfTruth
      options:
        path: sot.yml
    target:
      adapter: acme.netops.cmdb.Cmdb
      options:
        url: https://cmdb.example.com
      secrets:
        token: "{{ vault_cmdb_token }}"
  register: cmdb

- name: Show what was changed
  ansible.builtin.debug:
    msg: "{{ cmdb.changes | map(attribute='id') }}"

- name: Create and update without deleting anything, and go on with the others when an object fails
  dsync.core.dsync_sync:
    source:
      adapter: adapters/sot.py:SourceOfTruth
      options:
        path: sot.yml
    target:
      adapter: acme_cmdb.adapters:Cmdb
    flags:
      - skip_unmatched_dst
      - continue_on_failure

- name: Apply the plan that was approved, and keep what is needed to take it back
  dsync.core.dsync_sync:
    source:
      adapter: adapters/sot.py:SourceOfTruth
      options:
        path: sot.yml
    target:
      adapter: acme_cmdb.adapters:Cmdb
    plan: /var/lib/dsync/cmdb.plan
    plan_digest: "{{ approved_digest }}"
    lock: /var/lib/dsync/cmdb.lock
    journal: /var/lib/dsync/cmdb.journal
    undo: /var/lib/dsync/cmdb.undo
    verify: true

- name: Take back what the last run did, even if it was killed half-way
  dsync.core.dsync_sync:
    source:
      adapter: adapters/sot.py:SourceOfTruth
      options:
        path: sot.yml
    target:
      adapter: acme_cmdb.adapters:Cmdb
    undo_journal: /var/lib/dsync/cmdb.journal
    reports:
      - path: /var/log/dsync/undone.md
"""

RETURN = r"""
changed:
  description: Whether anything in the target was changed or may have been, or in check mode would be changed.
  returned: always
  type: bool
  sample: true
summary:
  description:
    - How many objects there are of each kind, each object of either side counted once.
    - C(create), objects that only the source has.
    - C(update), objects that differ. In Jinja write C(summary['update']), for C(summary.update) is a method of the dictionary.
    - C(delete), objects that only the target has.
    - C(no_change), objects that are the same on both sides.
    - C(skip), objects that were left aside because of flags, or because only one side has their model.
    - C(by_model), the same five numbers for each model, by the name of the model.
  returned: when both datasets could be loaded and compared
  type: dict
  sample:
    create: 2
    update: 1
    delete: 0
    no_change: 97
    skip: 0
    by_model:
      site: {"create": 0, "update": 0, "delete": 0, "no_change": 4, "skip": 0}
      device: {"create": 2, "update": 1, "delete": 0, "no_change": 93, "skip": 0}
changes:
  description:
    - The changes that make the target like the source, in the order in which they are made.
    - A value whose text has more than 2000 characters is cut, and says so.
  returned: when both datasets could be loaded and compared
  type: list
  elements: dict
  contains: &record
    action:
      description: What is done to the object, V(create), V(update) or V(delete).
      type: str
      sample: update
    model:
      description: Name of the object's model.
      type: str
      sample: device
    id:
      description: The identifiers' values as one text, unique among all objects of the model.
      type: str
      sample: rtr-nyc
    ids:
      description: The identifiers and their values.
      type: dict
      sample: {"name": "rtr-nyc"}
    parent:
      description: The object that this one belongs to, as C(model) and C(id). V(null) for an object at the top.
      type: dict
      sample: {"model": "site", "id": "nyc"}
    before:
      description:
        - Attributes of the target's object as found. For an update those that differ, for a delete all, V(null) for a create.
        - Sensitive values are shown as V(********).
      type: dict
      sample: {"role": "switch"}
    after:
      description:
        - Attributes of the source's object. For an update those that differ, for a create all, V(null) for a delete.
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
      description: Why the change ended like that, or what the adapter said of it.
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
    - Why a run is refused, such as a limit that is exceeded, one sentence each. Empty when it is not.
      When it is, the task fails, but not in check mode, and nothing is changed.
  returned: when both datasets could be loaded and compared
  type: list
  elements: str
  sample: ["limits.delete: 10 is exceeded: 12 to delete (device \"sw-1\", device \"sw-2\", …)"]
plan:
  description: The plan's file.
  returned: when O(plan) is given
  type: dict
  contains: &file
    path:
      description: Where it is.
      type: str
      sample: /var/lib/dsync/cmdb.plan
    digest:
      description: The digest of the plan. Plans of the same changes have the same digest.
      type: str
      sample: sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a
    changes:
      description: How many changes it holds.
      type: int
      sample: 4
undo:
  description: The file with the plan that reverses what was done.
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
  description: Whether the target, loaded again, was as it is to be.
  returned: when O(verify) is set and nothing failed
  type: bool
  sample: true
changes_truncated:
  description: How many more changes there are than RV(changes) shows. 0 when it shows all.
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
      description: Where it is.
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
      description: What the dataset is called.
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

from ..module_utils._module.arguments import AdapterModule
from ..module_utils._module.spec import SYNC_ONLY, SYNC_RULES, argument_spec


def main() -> None:
    AdapterModule(argument_spec=argument_spec(**SYNC_ONLY), supports_check_mode=True, **SYNC_RULES).run("syncing")


if __name__ == "__main__":
    main()
