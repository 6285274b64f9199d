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
          - The class that loads the dataset, and that writes to it if it is the target. It inherits from C(dsync.DSync), or
            from C(diffsync.Adapter) as adapters do that were written for DiffSync.
          - V(file), V(inventory), V(memory), V(rest) and V(sql) are built in. They read and write records, and the task says what
            these are with O(models).
          - V(netbox) and V(nautobot) are built in as well. They bring models of their own, which O(models) takes the place of
            where it declares some. See the collection's pages on NetBox and Nautobot.
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
          - Keyword arguments of the class. The user and password of an address are not shown, nor are options whose names say that
            they are secret, such as C(token) or C(client_key_password); they belong in C(secrets) all the same.
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
      mapping:
        description:
          - How the records of this side become objects of the declared models, and how objects are written back. A dictionary
            of model's name to mapping, or the path of a YAML file on the controller that holds one.
          - Without it, each attribute is the field of its own name.
          - See the collection's page on datasets without Python for everything that a mapping can say.
        type: raw
      lookups:
        description:
          - Tables that a mapping translates values with, by name. Each is a dictionary of native value to attribute's value, or
            says where to read one, with C(from) or C(model), C(key) and C(value). Or the path of a YAML file that holds them.
        type: raw
  target:
    description:
      - The dataset that is compared with O(source), and that a synchronisation changes.
    type: dict
    required: true
    suboptions: *side
  flags:
    description:
      - How to compare and to synchronise.
      - V(continue_on_failure) goes on with the other objects when one of them fails. Without it the run stops there. Either way
        the task fails when a change failed or was refused, unless it was refused because it is protected, or because it is
        stale and stale changes are to be skipped.
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
  models:
    description:
      - A dictionary declares the models of adapters of records, such as V(file) and V(sql), for both sides. The path of a YAML
        file on the controller stands for what is in it, which is either that dictionary, or C(models) and C(top_level).
      - A list names those of the adapters' models that are compared and changed. Objects of other models are left aside, while
        what is below them is looked at all the same. Without it, all models.
    type: raw
  top_level:
    description:
      - With which of the declared models to begin, in their order. Without it, with those that are nobody's children.
    type: list
    elements: str
  only:
    description:
      - What is compared and changed, together with everything below it. Without it, everything.
      - An object is meant when at least one of these selectors selects it, or an object above it. See the notes.
    type: list
    elements: dict
  exclude:
    description:
      - What is left aside, together with everything below it. An object is not deleted while something below it is left aside.
        See the notes for selectors.
    type: list
    elements: dict
  attributes:
    description:
      - Names of the attributes that are compared and updated, as a list that goes for every model, or as a dictionary of model to
        such a list. An object is still created with all its attributes.
    type: raw
  protect:
    description:
      - What must not be changed. The differences stay visible and are marked as protected, and are never applied.
      - What is below an object that must not be created or deleted is protected with it, and what is above an object that must
        not be deleted is not deleted either. See the notes for selectors.
    type: list
    elements: dict
  limits:
    description:
      - The most changes that a run may make. A run that would make more is refused before anything is written.
      - C(create), C(update) and C(delete) are numbers, or percentages such as V(10%), of all objects that the source has for
        C(create), and that the target has for the others. The name of a model holds a dictionary of the same for that model.
    type: dict
    default: {}
  empty_source:
    description:
      - What happens when the source was loaded and has no object at all of a model, so that all those of the target would be
        deleted. V(fail) refuses the run, V(allow) deletes them.
    type: str
    choices:
      - fail
      - allow
    default: fail
  baseline:
    description:
      - Path of a small file, on the host of the task, that tells how many objects the source had at the last good run.
        M(dsync.core.dsync_sync) writes it at the end of a run in which nothing failed. The first run, without it, warns.
    type: path
  max_shrink:
    description:
      - How many of the objects that the source had at the last good run it may have lost since, of any model, as a percentage such
        as V(20%). When it has lost more, the run is refused before anything is written. Needs O(baseline).
    type: str
  plan_key:
    description:
      - A passphrase. Files hold a digest of each sensitive value, never the value itself, and with this passphrase the digest
        tells nothing to someone who guesses. A plan can only be applied with the passphrase that it was written with.
    type: str
  max_changes:
    description:
      - How many records RV(changes) and RV(failures) hold at most. They hold fewer when the records are long, so that the
        result never grows beyond 500 kB.
    type: int
    default: 500
  progress:
    description:
      - Whether a task that runs for more than a few seconds says meanwhile where it is, with names of models and numbers. It never
        does with C(no_log) or C(async), and only on hosts that are reached by the connections V(local) and V(ssh).
      - The variable C(dsync_progress) decides for all tasks that do not say.
    type: bool
    default: true
  reports:
    description:
      - Files to write a report to of what was found, or of what was done. A report has all changes, however many there are, and
        nothing of what RV(changes) masks.
      - It is written in check mode too, for it is what was asked for, and also when the task fails, as long as both datasets could
        be loaded and compared. That each file can be written is made sure before anything is loaded.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Path of the file, on the host of the task. The file is replaced when the report is complete.
        type: path
        required: true
      format:
        description:
          - V(text) is for reading in a terminal, V(markdown) for a comment on a merge request, which is at most 60,000 bytes and
            says what it leaves out, V(html) is one file that a browser shows without a network, V(junit) shows drift as tests
            that fail, and V(json) is for other programs.
          - Without it, the ending of O(reports[].path) says which. That is C(.txt), C(.md), C(.html), C(.xml) or C(.json).
        type: str
        choices:
          - text
          - markdown
          - html
          - junit
          - json
      title:
        description:
          - What stands above the report, if not which datasets it is of.
        type: str
      mode:
        description:
          - The file's permissions, as octal digits. Reports hold what the datasets hold.
        type: raw
        default: "0600"
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
  - A selector, in O(only), O(exclude) and O(protect), is a dictionary with at least one of C(model), a model's name, C(id), a
    shell-style pattern of the identifier (V(rtr-*)) or after a V(~) a regular expression (V(~^rtr-[0-9]+$)), C(attributes), a
    dictionary of attribute or identifier to value, and C(action), which is V(create), V(update) or V(delete). It selects an object
    that is like all that it says.
"""
