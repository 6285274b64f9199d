# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the journal of runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_journal_info
short_description: Read a run journal, including interrupted runs
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Reads the journal of M(dsync.core.dsync_sync), and reports for one of its runs which changes were made, which may have been
    made because the run was interrupted in the middle of them, and which were not.
  - To undo the changes of a run, use the journal as O(dsync.core.dsync_sync#module:undo_journal).
requirements:
  - python >= 3.10 (on the target host)
  - pydantic >= 2.6 (on the target host)
options:
  path:
    description:
      - Path of the journal on the target host.
    type: path
    required: true
  run:
    description:
      - ID of the run to report. Defaults to the last run.
    type: str
  max_changes:
    description:
      - Maximum number of records in RV(changes). There are fewer if the records are long.
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
      - The module changes nothing.
  idempotent:
    support: full
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing.
  platform:
    support: full
    description: Operating systems that the host may have.
    platforms: posix
seealso:
  - module: dsync.core.dsync_sync
"""

EXAMPLES = r"""
- name: Read how far an interrupted run came
  dsync.core.dsync_journal_info:
    path: /var/lib/dsync/cmdb.journal
  register: journal

- name: Show what may have been done
  ansible.builtin.debug:
    msg: "{{ journal | dsync.core.changes(status='maybe') }}"
"""

RETURN = r"""
runs:
  description: The last twenty runs of the journal, the oldest first.
  returned: always
  type: list
  elements: dict
  contains: &run
    run:
      description: The id of the run.
      type: str
      sample: 8b1f0c2d9e3a4756
    purpose:
      description: V(sync), or V(undo) for a run that undid another.
      type: str
      sample: sync
    when:
      description: When it began, in UTC.
      type: str
      sample: "2026-11-23T03:00:00Z"
    by:
      description: Who started it, as user and host.
      type: str
      sample: awx@runner-1
    source:
      description: Name of the source.
      type: str
      sample: SourceOfTruth
    target:
      description: Name of the target.
      type: str
      sample: Cmdb
    plan_digest:
      description: The digest of the plan that was applied. V(null) if it did not come from a file.
      type: str
    flags:
      description: The flags of the run.
      type: list
      elements: str
      sample: [continue_on_failure]
    ended:
      description: Whether the run ended normally. Otherwise it was interrupted, or could not write to its journal.
      type: bool
      sample: false
    outcomes:
      description: How many of the changes ended with each status, those of RV(changes).
      type: dict
      sample: {"done": 3, "maybe": 1, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 20}
run:
  description: The run to which RV(changes) belong. V(null) if the journal contains none.
  returned: always
  type: dict
  contains: *run
summary:
  description:
    - Counts of the changes of the run, as RV(dsync.core.dsync_diff#module:summary). A journal does not record what it leaves
      unchanged, so C(unchanged) is 0.
  returned: always
  type: dict
  sample: {"creates": 1, "updates": 0, "moves": 0, "deletes": 0, "unchanged": 0, "skipped": 0, "by_model": {}}
outcomes:
  description: How many changes of the run ended with each status.
  returned: always
  type: dict
  sample: {"done": 3, "maybe": 1, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 20}
changes:
  description:
    - The changes of the run, in the order in which they were planned. Sensitive values are shown as V(********).
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: What was planned for the object, V(create), V(update), V(move) or V(delete).
      type: str
      sample: update
    model:
      description: Name of the object's model.
      type: str
      sample: device
    id:
      description: The values of the identifiers as one string.
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
      description: The object that this one belonged to, in the form of C(parent).
      returned: for a move
      type: dict
      sample: {"model": "site", "id": "lon"}
    to:
      description: The object that this one was to belong to, the same as C(parent).
      returned: for a move
      type: dict
      sample: {"model": "site", "id": "nyc"}
    before:
      description: Attributes of the target's object as they were.
      type: dict
      sample: {"role": "switch"}
    after:
      description: Attributes of the desired state.
      type: dict
      sample: {"role": "router"}
    status:
      description:
        - How the change ended, V(done), V(maybe), V(already_done), V(failed), V(refused) or V(not_attempted).
        - V(maybe) means that the run ended in the middle of it, or that no answer came, so that it may have been made, completely
          or partly.
      type: str
      sample: maybe
    message:
      description: Why the change ended like that.
      type: str
      sample: ""
changes_truncated:
  description: How many changes RV(changes) omits. 0 if it is complete.
  returned: always
  type: int
  sample: 0
"""

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import JOURNAL_INFO
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=JOURNAL_INFO, supports_check_mode=True).run("journal_info")


if __name__ == "__main__":
    main()
