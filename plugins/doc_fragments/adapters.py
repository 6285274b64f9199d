# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the collection's modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Adapters, flags and the size of the result."""

    DOCUMENTATION = r"""
requirements:
  - python >= 3.10 (on the target host)
  - pydantic >= 2.6 (on the target host)
options:
  source:
    description:
      - The dataset with the desired state. It is only read.
    type: dict
    required: true
    suboptions: &side
      adapter:
        description:
          - The adapter that loads the dataset, and that writes to it if it is the target.
          - V(file), V(inventory), V(memory), V(rest), and V(sql) are built in. They read and write records, whose models the task
            declares with O(models) or O(models_file).
          - V(netbox) and V(nautobot) are built in as well. They have their own models, which are replaced by O(models) if it
            declares any.
          - V(snapshot) is built in. It reads a file that M(dsync.core.dsync_export) wrote with C(format=snapshot), and has the
            models of the dataset that was written. It cannot be changed.
          - V(adapters/sot.py:SourceOfTruth) is a class in a Python file on the controller. A relative path is searched
            where Ansible searches files. In a role that is the role's C(files) directory first, and then the directories next to
            the playbook. The file, and those next to it that it imports, are sent to the target host.
          - V(acme.netops.cmdb.Cmdb) is the class C(Cmdb) in C(plugins/module_utils/cmdb.py) of the collection C(acme.netops)
            on the controller. The file and all module utilities that it imports are sent to the target host.
          - V(acme_cmdb.adapters:Cmdb) is a class that Python can import on the target host. Nothing is sent.
          - A class inherits from C(dsync.DSync), or from C(diffsync.Adapter) if it was written for DiffSync.
        type: str
        required: true
      preset:
        description:
          - For the adapter V(rest), the system behind it. A preset declares models, paths, mappings, how to log in, and how to read
            pages, so that the task gives little more than an address and a token. The notes name the presets of the collection.
          - A string that contains C(/) or ends in C(.yml), such as V(./shelf.yml), is the path of a file with a preset of your own
            on the controller. It is searched where Ansible searches files.
          - A dictionary of C(name) and the preset's variables gives these values of their own.
          - What the task declares in O(models), in the options, the mapping and the lookups is merged with the preset, key by key.
            A key of the task wins, and V(null) removes a key of the preset. O(only_models) drops the other models.
        type: raw
      options:
        description:
          - Options of the adapter, such as C(path) of V(file) or C(url) of V(sql), which are the keyword arguments of its class.
            The notes name those of the built-in adapters, and the collection's pages describe them.
          - The user and password in a URL, and options whose names indicate a secret, such as C(token) or C(client_key_password),
            are not shown. Nevertheless put them into C(secrets).
        type: dict
        default: {}
      secrets:
        description:
          - Additional options of the adapter that are never shown or logged, such as tokens and passwords.
          - Ansible masks these values wherever they appear in the result, so do not put anything else here.
        type: dict
        default: {}
      name:
        description:
          - Display name of the dataset in messages and results. Defaults to the name that the adapter gives it.
          - A plan and a journal fit a target of the same name only. Give two systems that an adapter names alike, such as files of
            the same name in two directories, names of their own.
        type: str
      mapping:
        description:
          - How the records of this dataset become objects of the declared models, and how objects are written back. A dictionary
            of model name to mapping, or the path of a YAML file on the controller that contains one.
          - Without a mapping, each attribute is read from the field of the same name.
          - For the adapter V(sql), C(deleted) in the mapping of a model names the column, and its value, that marks deleted rows.
          - The collection's page on models and mappings documents all keys.
        type: raw
      lookups:
        description:
          - Tables by which a mapping translates values, by name. Each is a dictionary of native value to attribute value, or
            states where to read one, with C(from) or C(model), C(key), and C(value). Or the path of a YAML file with such tables.
        type: raw
  target:
    description:
      - The dataset that is compared with O(source), and that M(dsync.core.dsync_sync) changes.
    type: dict
    required: true
    suboptions: *side
  prune:
    description:
      - Whether to delete objects that only the target has. V(true) brings the target fully in line with the source. V(false)
        deletes nothing, exactly as the flag V(skip_unmatched_dst) does.
      - A plan is applied with the setting that it was made with. Undoing a run deletes what that run created in either case.
    type: bool
    default: true
  flags:
    description:
      - How to compare and synchronize.
      - V(continue_on_failure) continues with other objects when one of them fails. Without it the run stops there. In either case
        the task fails if a change failed or was refused, unless it was refused because it is protected, or because it is
        stale and stale changes are skipped.
      - V(skip_unmatched_src) ignores objects that only the source has, so that nothing is created.
      - V(skip_unmatched_dst) ignores objects that only the target has, so that nothing is deleted, as O(prune=false) does.
      - V(skip_unmatched_both) is both of these.
      - V(log_unchanged_records) also logs unchanged objects, for an adapter that listens to the Python logger C(dsync).
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
      - Declarations of the models of record-based adapters, such as V(file) and V(sql), for both datasets. A dictionary of model
        name to declaration. The collection's page on models and mappings documents all keys.
      - C(compare) of an identifier or attribute declares how its values compare, for example V(case_insensitive), V(stripped),
        V(unicode_nfc), V(mac), V(ip), V(number), V(moment), or, for the list of an attribute, V(unordered). Objects whose
        identifiers compare equal are one object.
      - C(match) of a model names attributes and identifiers, such as C([serial, [site, asset_tag]]), by which an object is found
        whose identity has changed. It is renamed, as a C(move), instead of being deleted and created. A run in which several
        objects match is refused.
      - Mutually exclusive with O(models_file).
    type: dict
  models_file:
    description:
      - Path of a YAML file on the controller that contains the declarations, as in O(models), or a dictionary of C(models) and
        C(top_level). A relative path is searched where Ansible searches files.
      - Templates in the file are not evaluated, and are refused. The tag C(!unsafe) marks a string that is not a template.
    type: str
  only_models:
    description:
      - Names of the models that are compared and changed. Objects of other models are ignored, while their children are still
        compared. Defaults to all models.
    type: list
    elements: str
  top_level:
    description:
      - Root models, in processing order. Defaults to all models that are not a child of another model.
    type: list
    elements: str
  only:
    description:
      - Compare and change only objects that match at least one of these selectors, and everything below them. Defaults to all
        objects.
    type: list
    elements: dict
    suboptions: &selector
      model:
        description: Name of a model. Matches its objects.
        type: str
      id:
        description:
          - Matches objects whose identifier matches a shell-style pattern, such as V(rtr-*), or after a V(~) a regular expression,
            such as V(~^rtr-[0-9]+$).
        type: str
      attributes:
        description:
          - Matches objects that have these values on at least one side, as a dictionary of attribute or identifier to value.
            Sensitive attributes cannot be used.
        type: dict
      action:
        description: Matches objects to which this would be done.
        type: str
        choices:
          - create
          - update
          - move
          - delete
  exclude:
    description:
      - Ignore objects that match at least one of these selectors, and everything below them. An object is not deleted while
        something below it is ignored.
    type: list
    elements: dict
    suboptions: *selector
  compare_attributes:
    description:
      - Names of the attributes that are compared and updated, as a list for every model, or as a dictionary of model to list.
        Defaults to all attributes. Objects are still created with all their attributes.
    type: raw
    aliases: [attributes]
  protect:
    description:
      - Objects that must not be changed, as selectors. Their differences are shown, marked as protected, and never applied.
      - What is below an object that must not be created or deleted is protected with it, and what is above an object that must
        not be deleted is not deleted either.
    type: list
    elements: dict
    suboptions: *selector
  limits:
    description:
      - The maximum number of changes that a run may make. A run that would make more is refused before anything is written.
      - C(create), C(update), C(move), and C(delete) are numbers, or percentages such as V(10%), of all objects that the source has
        for C(create), and that the target has for the others. The name of a model contains a dictionary of the same keys for it.
      - Without a stated limit, a run that would delete more than 30% of the objects of a model is refused if the target has
        at least ten of them and the source has any. C(delete) for that model, or for all, replaces this default limit, and V(100%)
        removes it. Moved and protected objects are not counted, and undoing a run has no default limit.
    type: dict
    default: {}
  empty_source:
    description:
      - What to do if the source was loaded and has no objects of a model, so that all those of the target would be
        deleted. V(fail) refuses the run, V(allow) deletes them.
    type: str
    choices:
      - fail
      - allow
    default: fail
  baseline:
    description:
      - Path of a small file on the target host that records how many objects the source had at the last successful run.
        M(dsync.core.dsync_sync) writes it at the end of a run in which nothing failed. The first run, without it, warns.
    type: path
  max_shrink:
    description:
      - Maximum percentage of objects, per model, that may be missing from the source compared with the last successful run, such
        as V(20%). If more are missing, the run is refused before anything is written. Requires O(baseline).
    type: str
  push_down:
    description:
      - If both adapters are V(sql), let the databases compare the tables, so that only the rows that differ are read. The changes
        are the same. Two databases on different servers compare checksums.
      - If the databases cannot decide with certainty, a model is loaded completely, and a warning says why.
    type: bool
    default: false
  shards:
    description:
      - Number of parts in which the datasets are compared, by processes on the target host. The module itself then loads only
        the objects that may differ, so that it needs less memory. The changes, their order, the digest of the plan and the limits
        are the same.
      - A part consists of whole trees, such as a site with all its devices.
      - If the adapters cannot load parts, or if only some objects are compared, or if the changes come from a file, everything is
        loaded in one process, and a warning says why. Cannot be combined with O(push_down).
    type: int
    default: 1
  shard_workers:
    description:
      - Number of processes that compare shards at the same time. Defaults to the number of processors, and to at most O(shards).
    type: int
  shard_store:
    description:
      - A database of PostgreSQL by which several tasks, such as the slices of a job, divide the shards of one comparison. A task
        with O(dsync.core.dsync_diff#module:compare_only) compares shards for others; a task without it reads the answers, and
        compares what is missing by itself.
      - The table C(dsync_shards) is created. It contains names of objects, digests and numbers, and no values.
    type: dict
    suboptions:
      url:
        description: The database, such as V(postgresql://dsync@db.example.com/dsync).
        type: str
        required: true
      username:
        description: Name of the user. Defaults to the one in O(shard_store.url).
        type: str
      password:
        description: Password of the user. Defaults to the one in O(shard_store.url).
        type: str
      run:
        description:
          - Name of the comparison. Tasks with the same name, datasets and O(shards) share answers, so each comparison needs a new
            name. M(dsync.core.dsync_sync) removes the answers after a successful run.
        type: str
        required: true
  plan_key:
    description:
      - A passphrase. Files contain a digest of each sensitive value, never the value itself; with a passphrase, the digests cannot
        be brute-forced. A plan can only be applied with the passphrase that it was written with.
    type: str
  max_changes:
    description:
      - Maximum number of records in RV(changes) and RV(failures). There are fewer if the records are long, so that these two
        lists never grow beyond 500 kB. The records of a target of the adapter C(memory) are returned as a whole.
    type: int
    default: 500
  progress:
    description:
      - Whether a task that runs for more than a few seconds reports its progress, as names of models and numbers. It never
        does with C(no_log) or C(async), and only on hosts that are reached by the connections V(local) and V(ssh).
      - The variable C(dsync_progress) sets the default for all tasks.
    type: bool
    default: true
  reports:
    description:
      - Files to write a report to, of what was found or of what was done. A report contains all changes, however many there are,
        and none of the values that RV(changes) masks.
      - Reports are written in check mode too, and also if the task fails, as long as both datasets could be loaded and compared.
        Write access to every file is checked before any data is loaded.
      - A string is short for a dictionary with this O(reports[].path).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Path of the file on the target host. The file is replaced when the report is complete.
        type: path
        required: true
      format:
        description:
          - V(text) is for a terminal, V(markdown) for a comment on a merge request, which is at most 60,000 bytes and
            names what it omits, V(html) is one file that a browser shows without a network, V(junit) shows drift as failing
            tests, and V(json) is for other programs.
          - Defaults to the format of the extension of O(reports[].path), which is C(.txt), C(.md), C(.html), C(.xml), or C(.json).
        type: str
        choices:
          - text
          - markdown
          - html
          - junit
          - json
      title:
        description:
          - Title of the report. Defaults to the names of the two datasets.
        type: str
      mode:
        description:
          - Permissions of the file, as octal digits such as V('0644'), or as symbols such as V(u=rw,g=r), which change V('0600').
            The owner must be able to read and write the file. Reports contain what the datasets contain.
        type: raw
        default: "0600"
attributes:
  action_group:
    description: Use C(group/dsync.core.dsync) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - dsync.core.dsync
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  check_mode:
    description: Can run in check mode and return what would be changed, without changing anything.
  diff_mode:
    description: Returns what has changed, or in check mode what would be changed, when run with C(--diff).
    support: full
  idempotent:
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing.
  platform:
    description: Operating systems that are supported on the target host.
    support: full
    platforms: posix
notes:
  - Only Python code is sent to the target host. Data that an adapter reads must be there, or reachable from there.
  - Adapters run on the target host. To run them on the controller, delegate the task to C(localhost).
  - What an adapter prints does not become part of the result.
"""
