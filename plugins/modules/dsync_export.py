# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the objects of a dataset to a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dsync_export
short_description: Write a dataset to a new file, and return its models
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads one dataset through an adapter, with the same models and mapping as M(dsync.core.dsync_diff), and writes its objects to a
    new file that the adapter V(file) reads, or with O(format=snapshot) the adapter V(snapshot).
  - Returns the models and the mapping that the file needs to be read again. The role P(dsync.core.export#role) writes them next to
    it, as a beginning of a source of truth.
  - The dataset is only read, and a file that exists is never overwritten.
  - Sensitive attributes are omitted because the file is not encrypted, and read-only attributes because they cannot be written.
requirements:
  - python >= 3.10 (on the host that runs the task)
  - pydantic >= 2.6 (on the host that runs the task)
  - PyYAML (on the host that runs the task, for YAML)
extends_documentation_fragment:
  - dsync.core.dataset
  - dsync.core.options
  - dsync.core.presets
options:
  path:
    description:
      - Path of the new file, on the host that runs the task. The extension selects the format of records, V(.yml), V(.json) or
        another one that the adapter V(file) knows.
    type: path
    required: true
  format:
    description:
      - V(records) writes a file that the adapter V(file) reads, and that people edit.
      - V(snapshot) writes the dataset as it is now, for the adapter V(snapshot), which needs no models. Every object is in it, also
        those that a comparison does not reach, and read-only attributes. O(only_models), O(only) and O(exclude) are refused.
    type: str
    choices: [records, snapshot]
    default: records
  mode:
    description:
      - Permissions of the file, as octal digits such as V('0640'), or as symbols such as V(u=rw,g=r), which change V('0600'). The
        owner must be able to read and write it.
    type: raw
    default: "0600"
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
      - The dataset is loaded and its models are returned, and the file is not written.
  diff_mode:
    support: none
    description: Returns what has changed, or in check mode what would be changed, when run with C(--diff).
  idempotent:
    support: none
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing.
    details:
      - The second run fails, since the file exists.
  platform:
    support: full
    description: Operating systems that the host may have.
    platforms: posix
notes:
  - Only objects that a comparison reaches are written. A warning counts the others.
seealso:
  - module: dsync.core.dsync_info
  - module: dsync.core.dsync_sync
"""

EXAMPLES = r"""
- name: Write the rows of a CSV file to a YAML file
  dsync.core.dsync_export:
    adapter: file
    options:
      path: /srv/estate/export.csv
    models:
      device:
        identifiers: [name]
        attributes: {role: str, mtu: int}
    path: /srv/estate/devices.yml

- name: Write the sites and devices of NetBox to a YAML file
  dsync.core.dsync_export:
    adapter: netbox
    options:
      url: https://netbox.example.com
    secrets:
      token: "{{ vault_netbox_token }}"
    only_models: [site, device]
    path: /srv/estate/netbox.yml
  register: exported

- name: Keep NetBox as it is now
  dsync.core.dsync_export:
    adapter: netbox
    options:
      url: https://netbox.example.com
    secrets:
      token: "{{ vault_netbox_token }}"
    path: /srv/snapshots/netbox-before.snapshot
    format: snapshot

- name: Compare NetBox with the file from now on
  dsync.core.dsync_diff:
    source:
      adapter: file
      options:
        path: /srv/estate/netbox.yml
      mapping: "{{ exported.mapping }}"
    target:
      adapter: netbox
      options:
        url: https://netbox.example.com
      secrets:
        token: "{{ vault_netbox_token }}"
    models: "{{ exported.models.models }}"
"""

RETURN = r"""
path:
  description: Absolute path of the file.
  returned: when the dataset could be loaded
  type: str
  sample: /srv/estate/devices.yml
models:
  description: The models and top_level, as a file that O(dsync.core.dsync_diff#module:models_file) names holds them. Empty for a
    snapshot.
  returned: when the dataset could be loaded
  type: dict
  sample: {"models": {"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}, "top_level": ["device"]}
mapping:
  description: The mapping that the file is read with. Empty when no model has a parent, and for a snapshot.
  returned: when the dataset could be loaded
  type: dict
  sample: {"device": {"parent": {"name": "site"}}}
left_out:
  description: The attributes of each model that are sensitive or, except in a snapshot, read-only, and so are not in the file.
  returned: when the dataset could be loaded
  type: dict
  sample: {"device": ["enable_password"]}
exported:
  description: How many objects were written, or in check mode would be written.
  returned: when the dataset could be loaded
  type: dict
  contains:
    counts:
      description: Number of objects of each model that has any.
      type: dict
      sample: {"device": 17, "site": 4}
    total:
      description: Number of objects.
      type: int
      sample: 21
dataset:
  description: What was loaded, with C(name), C(adapter), C(counts) and C(total), as RV(dsync.core.dsync_info#module:dataset).
  returned: when the dataset could be loaded
  type: dict
  sample: {"name": "/srv/estate/export.csv", "adapter": "file", "counts": {"device": 17}, "total": 17}
"""

from ansible_collections.dsync.core.plugins.module_utils._module.argspec import export_spec
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule


def main() -> None:
    AdapterModule(argument_spec=export_spec(), supports_check_mode=True).run("export")


if __name__ == "__main__":
    main()
