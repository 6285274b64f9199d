# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposes models and mappings for one dataset or two."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_discover
short_description: Propose models and mappings for datasets
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Reads the records of a dataset, such as a table, a CSV file, or an API, and proposes models - what identifies a record, the
    types of the attributes, and which of them may be null.
  - With O(target), finds out which columns of both datasets mean the same, by their names and by how often their values match, and
    proposes a mapping for each side.
  - Writes the proposal to files that people edit. For a database, a file or another dataset of records these are C(models.yml),
    C(datasets.yml) with the mappings, and a playbook, C(compare.yml) or C(load.yml). For an API they are a preset,
    C(datasets.yml) and the playbook.
  - Types are cautious. Strings of digits with a leading zero, or that look like codes, stay strings. A list of choices is proposed
    only if the system itself reports one.
  - The datasets are only read. Neither values of records nor secrets are in the files or in the result.
requirements:
  - python >= 3.10 (on the host that runs the task)
  - pydantic >= 2.6 (on the host that runs the task)
  - PyYAML (on the host that runs the task, for descriptions of APIs in YAML)
options:
  source:
    description:
      - The dataset for which models are proposed. Its columns give the attributes their names.
    type: dict
    required: true
    suboptions: &dataset
      adapter:
        description: The adapter, such as V(file), V(sql) or V(rest), as in O(dsync.core.dsync_diff#module:source.adapter).
        type: str
        required: true
      options:
        description: Options of the adapter, such as C(path) for V(file).
        type: dict
        default: {}
      secrets:
        description:
          - Additional options that are never shown or logged. In C(datasets.yml) each is a variable, such as
            C(source_password).
        type: dict
        default: {}
      name:
        description: Display name of the dataset. Defaults to the name that the adapter gives it.
        type: str
      tables:
        description:
          - Where the records are, as C(from) in a mapping - names of tables or sheets, or paths of collections of an API. A list,
            or a dictionary of a model's name to its place. Models with the same name on both sides are compared.
          - Defaults to all tables, sheets or lists, and to all collections that O(source.openapi) describes, if there are at most
            30.
        type: raw
      openapi:
        description:
          - For the adapter V(rest), the description of the API by OpenAPI 3 or Swagger 2, in JSON or YAML. The path of a file on
            the host that runs the task, or an address. Without it, the answer of each path in O(source.tables) is looked at, and
            the preset only reads.
        type: str
      read_records:
        description:
          - For the adapter V(rest), whether to read the records as well. Without them, the description alone is used, and nothing
            shows which fields are unique.
        type: bool
        default: true
  target:
    description:
      - A second dataset, whose columns are matched with those of O(source). If both have one table, these are compared whatever
        their names are.
    type: dict
    suboptions: *dataset
  directory:
    description:
      - Directory for the files, on the host that runs the task. It is made with mode 0700 if it does not exist. Without it,
        nothing is written, and RV(files) has the content.
    type: path
  force:
    description:
      - Whether to overwrite files whose content differs. Without it, the task fails before anything is written.
    type: bool
    default: false
  mode:
    description:
      - Permissions of the files, as octal digits such as V('0640'), or as symbols such as V(u=rw,g=r), which change V('0600'). The
        owner must be able to read and write them.
    type: raw
    default: "0600"
attributes:
  action_group:
    description: Use C(group/dsync.core.discovery) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - dsync.core.discovery
  check_mode:
    support: full
    description: Can run in check mode and return what would be changed, without changing anything.
    details:
      - The datasets are read, and the files are not written.
  diff_mode:
    support: full
    description: Returns what has changed, or in check mode what would be changed, when run with C(--diff).
  idempotent:
    support: full
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing.
    details:
      - The proposal depends on the records. If these have changed, the second run fails unless O(force) is set.
  platform:
    support: full
    description: Operating systems that the host may have.
    platforms: posix
notes:
  - The adapters V(netbox), V(nautobot) and V(inventory) know their models, and classes with models of their own do, too. There is
    nothing to discover.
  - A proposal is a beginning. Look at it before you let a task write.
seealso:
  - module: dsync.core.dsync_diff
  - module: dsync.core.dsync_export
"""

EXAMPLES = r"""
- name: Propose models and mappings for a CSV file and a table
  dsync.core.dsync_discover:
    source:
      adapter: file
      options:
        path: /srv/estate/export.csv
    target:
      adapter: sql
      options:
        url: postgresql://reader@db.example.com/cmdb
      secrets:
        password: "{{ vault_cmdb_password }}"
      tables: [dcim_devices]
    directory: /srv/estate/discovered

- name: Propose a preset for some collections that an API describes
  dsync.core.dsync_discover:
    source:
      adapter: rest
      options:
        base_url: https://api.example.com
      secrets:
        token: "{{ vault_api_token }}"
      openapi: https://api.example.com/openapi.json
      tables: [/v1/sites, /v1/devices]
    directory: /srv/estate/discovered

- name: Show what a proposal for an answer of an API would be, and write nothing
  dsync.core.dsync_discover:
    source:
      adapter: rest
      options:
        base_url: https://api.example.com
      tables: {device: /v1/devices}
  register: found
"""

RETURN = r"""
models:
  description: The proposed models.
  returned: success
  type: list
  elements: dict
  contains:
    model:
      description: Name of the model.
      type: str
      sample: device
    records:
      description: Number of records of each dataset.
      type: dict
      sample: {"source": 3, "target": 2}
    identifiers:
      description: The attributes that identify a record.
      type: list
      elements: str
      sample: [name]
    unique:
      description: Whether no two records have the same identifiers.
      type: bool
      sample: true
    common:
      description: Number of records that are in both datasets. V(null) without O(target).
      type: int
      sample: 2
    attributes:
      description:
        - The identifiers and attributes, each with C(name), C(type), and for each dataset C(column), C(empty) (number of records
          without a value) and C(distinct) (number of different values).
        - With O(target), C(compared) is the number of records in both datasets of which at least one has a value, and C(matches)
          how many of these have equal values.
      type: list
      elements: dict
      sample:
        - name: role
          type: str
          source: {"column": "role", "empty": 0, "distinct": 2}
          target: {"column": "kind", "empty": 0, "distinct": 2}
          matches: 1
          compared: 2
    left_out:
      description:
        - The columns of each dataset of which no attribute is made. C(nearest) is the column of the other dataset whose values
          match most often.
      type: dict
      sample: {"source": [], "target": [{"column": "id", "empty": 0, "distinct": 2}]}
overview:
  description: The same as text for a screen.
  returned: success
  type: str
  sample: "device: /srv/estate/export.csv (3 records)"
files:
  description: The files, each with C(name) and C(content).
  returned: success
  type: list
  elements: dict
  sample:
    - name: models.yml
      content: "models: …"
directory:
  description: Absolute path of the directory.
  returned: with O(directory)
  type: str
  sample: /srv/estate/discovered
written:
  description: Names of the files that were written, or would be in check mode.
  returned: with O(directory)
  type: list
  elements: str
  sample: [compare.yml, datasets.yml, models.yml]
"""

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import discover_spec
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=discover_spec(), supports_check_mode=True).run("discover")


if __name__ == "__main__":
    main()
