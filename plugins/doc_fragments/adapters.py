# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the collection's modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Adapters, flags and the size of the result."""

    DOCUMENTATION = r"""
requirements:
  - pydantic >= 2.6 (on the host that runs the task)
options:
  source:
    description:
      - The dataset that says how things should be. It is only read.
    type: dict
    required: true
    suboptions: &side
      adapter:
        description:
          - The class that loads the dataset, and that writes to it if it is the target. It inherits from C(dsync.DSync).
          - V(adapters/sot.py:SourceOfTruth) is a class in a Python file on the controller. A relative path is searched
            where Ansible searches files. In a role that is the role's C(files) directory first, and then the places beside
            the playbook. The file and those beside it that it imports are sent to the host.
          - V(acme.netops.cmdb.Cmdb) is the class C(Cmdb) in C(plugins/module_utils/cmdb.py) of the collection C(acme.netops)
            on the controller. The file and all module utilities that it imports are sent to the host.
          - V(acme_cmdb.adapters:Cmdb) is a class that the host's Python can import. Nothing is sent.
        type: str
        required: true
      options:
        description:
          - Keyword arguments of the class.
        type: dict
        default: {}
      secrets:
        description:
          - More keyword arguments of the class, which are never shown or logged. Tokens and passwords belong here.
          - Whatever is given here, Ansible masks wherever it appears in the result, so nothing else should be.
        type: dict
        default: {}
      name:
        description:
          - What the dataset is called in messages and results, if not what its adapter calls it.
        type: str
  target:
    description:
      - The dataset that is compared with O(source), and that a synchronisation changes.
    type: dict
    required: true
    suboptions: *side
  flags:
    description:
      - How to compare and to synchronise.
      - V(continue_on_failure) goes on with the other objects when one of them fails. Without it the run stops there.
      - V(skip_unmatched_src) leaves aside what only the source has, so that nothing is created.
      - V(skip_unmatched_dst) leaves aside what only the target has, so that nothing is deleted.
      - V(skip_unmatched_both) is both of these.
      - V(log_unchanged_records) logs the unchanged objects too, for an adapter that listens to the Python logger C(dsync).
    type: list
    elements: str
    choices:
      - continue_on_failure
      - skip_unmatched_src
      - skip_unmatched_dst
      - skip_unmatched_both
      - log_unchanged_records
    default: []
  max_changes:
    description:
      - How many records RV(changes) and RV(failures) hold at most. They hold fewer when the records are long, so that the
        result never grows beyond 500 kB.
    type: int
    default: 500
attributes:
  check_mode:
    description: Can run in check mode and return what would be changed, without changing anything.
  diff_mode:
    description: Returns what has changed, or in check mode what would be changed, when run with C(--diff).
    support: full
  idempotent:
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing.
  platform:
    description: Operating systems that the host may have.
    support: full
    platforms: posix
notes:
  - Only Python code is sent to the host. Data that an adapter reads has to be where the task runs.
  - Adapters run on the host of the task. To run them on the controller, delegate the task to C(localhost).
  - What an adapter prints does not become part of the result.
"""
