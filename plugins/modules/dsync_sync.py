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
attributes:
  check_mode:
    support: full
    details:
      - Both datasets are loaded and compared. No C(create), C(update), C(delete) or C(sync_complete) is called, and the
        changes that are returned are exactly those that a run would make.
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
"""

RETURN = r"""
changed:
  description: Whether anything in the target was changed, or in check mode would be changed.
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
changes_truncated:
  description: How many more changes there are than RV(changes) shows. 0 when it shows all.
  returned: when both datasets could be loaded and compared
  type: int
  sample: 0
failures:
  description:
    - Those of the changes that failed or were refused, as many of them as there is room for. The message of the task tells
      how many there are.
  returned: when both datasets could be loaded and compared
  type: list
  elements: dict
  contains: *record
  sample: []
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
from ..module_utils._module.spec import argument_spec


def main() -> None:
    AdapterModule(argument_spec=argument_spec(), supports_check_mode=True).run("run_sync")


if __name__ == "__main__":
    main()
