# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Returns the objects of a dataset."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_info
short_description: Load a dataset and return its objects
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads one dataset through an adapter, with the same models and mapping as M(dsync.core.dsync_diff), and returns its objects.
  - Never writes to the dataset, and writes no files.
  - The lookup P(dsync.core.dsync#lookup) does the same on the controller. The module M(dsync.core.dsync_export) writes a dataset of
    any size to a file.
requirements:
  - python >= 3.10 (on the host that runs the task)
  - pydantic >= 2.6 (on the host that runs the task)
extends_documentation_fragment:
  - dsync.core.dataset
  - dsync.core.dataset.attributes
  - dsync.core.options
  - dsync.core.presets
options:
  max_objects:
    description:
      - The largest number of objects that RV(objects) holds. It holds fewer when they take more than 1 MB. Objects are left out
        as a whole, no value is shortened.
    type: int
    default: 1000
  validate_only:
    description:
      - Whether to check models, mapping, options, and selectors, and that the adapter reaches its system and finds there what the
        mapping names, without loading the dataset. RV(objects) is empty then. Anything that is wrong is a failure.
      - The adapter C(file) reads its files, C(sql) the definitions of its tables, and C(rest) the first page of each model.
        Values are not checked. An adapter that is a Python class is only created.
    type: bool
    default: false
  progress:
    description:
      - Whether a task that runs for more than a few seconds reports its progress, as in
        O(dsync.core.dsync_diff#module:progress).
    type: bool
    default: true
attributes:
  action_group:
    description: Use C(group/dsync.core.dataset) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - dsync.core.dataset
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
notes:
  - Only Python code is sent to the managed node. Data that an adapter reads has to be where the task runs.
seealso:
  - module: dsync.core.dsync_diff
  - plugin: dsync.core.dsync
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read the devices of a CSV file
  dsync.core.dsync_info:
    adapter: file
    options:
      path: /srv/estate/devices.csv
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
  register: estate

- name: Show the names of the routers
  ansible.builtin.debug:
    msg: "{{ estate.objects | selectattr('attributes.role', 'eq', 'router') | map(attribute='id') }}"

- name: Read only the routers of a table, and of these only the MTU
  dsync.core.dsync_info:
    adapter: sql
    options:
      url: postgresql://reader@db.example.com/cmdb
    secrets:
      password: "{{ vault_cmdb_password }}"
    models_file: models.yml
    mapping: cmdb.yml
    only:
      - model: device
        attributes: {role: router}
    attributes: [mtu]

- name: Check credentials, models, and mapping without loading anything
  dsync.core.dsync_info:
    adapter: sql
    options:
      url: postgresql://reader@db.example.com/cmdb
    secrets:
      password: "{{ vault_cmdb_password }}"
    models_file: models.yml
    mapping: cmdb.yml
    validate_only: true

- name: Read the sites of NetBox, with the models of the adapter
  dsync.core.dsync_info:
    adapter: netbox
    options:
      url: https://netbox.example.com
    secrets:
      token: "{{ vault_netbox_token }}"
    only_models: [site]
"""

RETURN = r"""
objects:
  description:
    - The selected objects, each parent before its children, otherwise in the order in which they were loaded.
  returned: when the dataset could be loaded
  type: list
  elements: dict
  contains:
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
      description: The object that this one belongs to, as C(model) and C(id). V(null) for an object at the top level.
      type: dict
      sample: {"model": "site", "id": "nyc"}
    attributes:
      description: The attributes and their values. Sensitive values are shown as V(********).
      type: dict
      sample: {"role": "router", "mtu": 1500}
objects_truncated:
  description: How many more objects were selected than RV(objects) holds. 0 when it holds all.
  returned: when the dataset could be loaded
  type: int
  sample: 0
selected:
  description: How many objects were selected, whether RV(objects) holds them or not.
  returned: when the dataset could be loaded
  type: dict
  contains:
    counts:
      description: Number of selected objects of each model that has any.
      type: dict
      sample: {"device": 12}
    total:
      description: Number of selected objects.
      type: int
      sample: 12
validated:
  description: What O(validate_only) has checked.
  returned: with O(validate_only)
  type: dict
  contains:
    models:
      description: Names of the models.
      type: list
      elements: str
      sample: [device]
    reached:
      description: Whether the adapter has asked its system. V(false) for an adapter that cannot do so without loading.
      type: bool
      sample: true
dataset:
  description: What was loaded, whether it was selected or not.
  returned: when the dataset could be loaded
  type: dict
  contains:
    name:
      description: Name of the dataset.
      type: str
      sample: /srv/estate/devices.csv
    adapter:
      description: The adapter, as named in the task.
      type: str
      sample: file
    counts:
      description: Number of objects of each model.
      type: dict
      sample: {"device": 17}
    total:
      description: Number of objects.
      type: int
      sample: 17
"""

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import info_spec
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=info_spec(), supports_check_mode=True).run("info")


if __name__ == "__main__":
    main()
