# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks up objects of a dataset."""

from __future__ import annotations

DOCUMENTATION = r"""
name: dsync
short_description: Look up objects of any dataset that an adapter loads
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads one dataset through an adapter, on the controller, and returns its objects, or those with given identifiers. Never writes.
  - The dataset is loaded each time the lookup is evaluated. Use M(dsync.core.dsync_info), or keep the result with
    M(ansible.builtin.set_fact), when it is needed more than once.
  - Values from the dataset are never evaluated as templates.
extends_documentation_fragment:
  - dsync.core.dataset
  - dsync.core.dataset.attributes
  - dsync.core.options
  - dsync.core.presets
requirements:
  - python >= 3.10 (on the controller)
  - pydantic >= 2.6 (on the controller)
options:
  _terms:
    description:
      - The identifiers of the objects to return, each as in the key C(id) of the result. An identifier that no object has is an
        error. Without any, all selected objects are returned.
    type: list
    elements: str
  model:
    description:
      - The model whose objects are returned. Defaults to all models.
    type: str
notes:
  - Relative paths in O(options) start from the directory of the playbook. Files of adapters, models and mappings are searched as
    files of tasks are.
  - The adapter V(inventory) reads inventory files here, and not the inventory of the play.
seealso:
  - module: dsync.core.dsync_info
  - plugin: dsync.core.dsync
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Show the MTU of one device
  ansible.builtin.debug:
    msg: "{{ device.attributes.mtu }}"
  vars:
    device: "{{ lookup('dsync.core.dsync', 'rtr-1', **estate) }}"
    estate: &estate
      adapter: file
      options:
        path: /srv/estate/devices.csv
      models:
        device:
          identifiers: [name]
          attributes: {role: str, mtu: int}

- name: Show the names of all routers
  ansible.builtin.debug:
    msg: "{{ query('dsync.core.dsync', only=routers, **estate) | map(attribute='id') }}"
  vars:
    routers:
      - attributes: {role: router}
    estate: *estate
"""

RETURN = r"""
_raw:
  description:
    - The objects, each as in RV(dsync.core.dsync_info#module:objects). With identifiers, in their order, otherwise each parent
      before its children. Sensitive values are shown as V(********).
  type: list
  elements: dict
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFileNotFound, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils._module.errors import TaskFailure
from ..plugin_utils.base_directory import base_directory, using_base_directory
from ..plugin_utils.dataset_lookup import LookupQuery, look_up
from ..plugin_utils.local_dataset import DatasetError
from ..plugin_utils.play_inventory import plain_value
from ..plugin_utils.preset_files import preset_of
from ..plugin_utils.suggestions import known
from ..plugin_utils.yaml_arguments import YamlArguments

OF_THE_DATASET = ("adapter", "preset", "options", "secrets", "name", "mapping", "lookups")
OF_MODELS = ("models", "models_file", "top_level")
NARROWING = ("only_models", "only", "exclude", "attributes")

display = Display()


class LookupModule(LookupBase):
    """Objects as dictionaries."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)

        def find_file(path: str) -> tuple[Path | None, list[str]]:
            try:
                with using_base_directory(self._loader):
                    paths = (variables or {}).get("ansible_search_path", [self._loader.get_basedir()])
                    return Path(self._loader.path_dwim_relative_stack(paths, "files", path)).resolve(), []
            except AnsibleFileNotFound as error:
                return None, list(error.paths or [path])

        try:
            self._check(kwargs)
            files = YamlArguments(self._loader, find_file)
            side, models, scope = (
                {name: plain_value(self.get_option(name)) for name in names} for names in (OF_THE_DATASET, OF_MODELS, NARROWING)
            )
            wanted = LookupQuery(plain_value(terms), plain_value(self.get_option("model")), scope)
            return look_up(
                {**side, **files.of_side(side), "preset": preset_of(side, self._loader, find_file)},
                {**models, **files.of_models(models)},
                wanted,
                base_directory(self._loader),
                find_file,
                display.warning,
            )
        except (DatasetError, TaskFailure) as failure:
            raise AnsibleLookupError(str(failure)) from None

    def _check(self, given: Mapping[str, Any]) -> None:
        """Raise TaskFailure for an option that there is not, which Ansible would ignore."""
        options = [name for name in self._options if name != "_terms"]
        for name in given:
            if name not in options:
                raise TaskFailure(f'there is no option "{name}"{known(name, options)}.')
