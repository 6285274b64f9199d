# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an inventory from a dataset."""

from __future__ import annotations

DOCUMENTATION = r"""
name: dsync
short_description: Read an inventory from any dataset that an adapter loads
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Loads a dataset through an adapter, on the controller, and creates a host from each object of one model. Its parent objects
    become groups, and its attributes become variables.
  - The name of the file must be C(dsync.yml) or end in C(.dsync.yml), or the same with C(.yaml).
  - Values from the dataset are never evaluated as templates, wherever they are used.
extends_documentation_fragment:
  - constructed
  - inventory_cache
requirements:
  - pydantic >= 2.6 (on the controller)
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices:
      - dsync.core.dsync
  adapter:
    description:
      - The adapter that loads the dataset, as in O(dsync.core.dsync_diff#module:source.adapter). The path of a Python
        file is relative to the inventory file. A class in an installed package is imported by the controller's Python.
    type: str
    required: true
  preset:
    description:
      - For the adapter V(rest), the system behind it, as in O(dsync.core.dsync_diff#module:source.preset). The name of a preset,
        the path of a YAML file relative to the inventory file, or a dictionary of C(name) and variables.
    type: raw
  options:
    description:
      - Keyword arguments of the class. Templates in them are evaluated, with the extra variables, C(inventory_dir) and
        C(inventory_file). Relative paths in them start from the directory of the inventory file.
    type: dict
    default: {}
  secrets:
    description:
      - Additional keyword arguments of the class, which are never shown. Templates in them are evaluated as in O(options), so a
        token can come from a lookup, and values may be encrypted with Ansible Vault.
    type: dict
    default: {}
  models:
    description:
      - Declarations of the models of a record-based adapter, such as V(file), as in a task. Mutually exclusive with O(models_file).
    type: raw
  models_file:
    description:
      - Path of a YAML file that contains the declarations, alone or as C(models) together with C(top_level), relative to the
        inventory file.
    type: str
  top_level:
    description:
      - Root models, in processing order. Defaults to all models that are not a child of another model.
    type: list
    elements: str
  mapping:
    description:
      - How records become objects of the declared models, as in O(dsync.core.dsync_diff#module:source.mapping). A dictionary, or
        the path of a YAML file.
    type: raw
  lookups:
    description:
      - Tables that O(mapping) translates values with, as in O(dsync.core.dsync_diff#module:source.lookups). A dictionary, or the
        path of a YAML file.
    type: raw
  host_model:
    description:
      - The model whose objects become hosts.
    type: str
    required: true
  hostname:
    description:
      - Name of the attribute or identifier that is the name of the host, or a Jinja expression. Defaults to the identifiers as
        one string.
    type: str
  vars:
    description:
      - Attributes and identifiers that become variables of the host. A list of their names, or a dictionary of variable to
        attribute. Defaults to all, except those that are sensitive, which must be listed by name, and those with names that are
        reserved by Ansible, such as C(name) and C(tags). A warning names any others, such as C(serial) and C(port).
      - Expressions in this file can use all attributes that are not sensitive, whether or not they are listed here.
    type: raw
  vars_prefix:
    description:
      - Prefix of the names of variables to which O(vars) does not give a name.
    type: str
    default: ""
  parents_as_groups:
    description:
      - Whether the parent objects of hosts become groups. The nearest one is a group of the host, and each is a child group of the
        next.
    type: bool
    default: true
  parents_prefix:
    description:
      - Prefix of the names of these groups. Defaults to the name of the object's model and an underscore.
    type: str
notes:
  - Expressions in O(hostname), O(compose), O(groups) and O(keyed_groups) can use the object's attributes by name, the
    host's variables, and in C(parents) the attributes of its parent objects, by the name of their model.
  - The cache contains the values that variables and expressions may use, including sensitive values that O(vars) names. The dataset
    is read again if its declaration has changed in the file, in a file that it names, or in a template of O(options).
seealso:
  - module: dsync.core.dsync_diff
"""

EXAMPLES = r"""
# devices.dsync.yml: the rows of a CSV file as hosts
plugin: dsync.core.dsync
adapter: file
options:
  path: devices.csv
models:
  device:
    identifiers: [name]
    attributes: {role: str, address: str}
host_model: device
vars:
  ansible_host: address
  role: role
keyed_groups:
  - key: role
    prefix: role

# dsync.yml: a custom adapter, which has sites with devices below them
# plugin: dsync.core.dsync
# adapter: adapters/sot.py:SourceOfTruth
# options:
#   url: https://sot.example.com
# secrets:
#   token: "{{ lookup('ansible.builtin.env', 'SOT_TOKEN') }}"
# host_model: device
# hostname: name ~ '.' ~ parents.site.domain
# vars_prefix: sot_
# parents_as_groups: true
# parents_prefix: ""
# groups:
#   routers: role == 'router'
# strict: true
# cache: true
# cache_plugin: ansible.builtin.jsonfile
# cache_connection: /var/cache/ansible
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.vars import validate_variable_name
from ansible.vars.reserved import is_reserved_name

from ..module_utils._module.errors import TaskFailure
from ..plugin_utils.dataset_inventory import InventoryQuery, load_records
from ..plugin_utils.local_dataset import DatasetError, files_in
from ..plugin_utils.play_inventory import plain_value
from ..plugin_utils.preset_files import preset_of
from ..plugin_utils.suggestions import known
from ..plugin_utils.yaml_arguments import YamlArguments

FILES = ("dsync.yml", "dsync.yaml")
GROUPS_OF_ALL = ("all", "ungrouped")
"""Groups that every inventory has; a host called like one of them would be taken for it."""

EXPECTED = frozenset({"name", "tags"})
"""Reserved names that many datasets have, which the documentation names."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Objects of one model as hosts."""

    NAME = "dsync.core.dsync"

    def verify_file(self, path: str) -> bool:
        name = Path(path).name
        return (name in FILES or name.endswith(tuple(f".{file}" for file in FILES))) and super().verify_file(path)

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        self._reserved: set[str] = set()
        try:
            self._check(config)
            for host, record in self._named_hosts(self._records(path, cache)).items():
                self._add(host, record)
            self._warn_of_reserved(path)
        except DatasetError as failure:
            self.display.vvv(failure.details)
            raise AnsibleParserError(str(failure)) from None
        except TaskFailure as failure:
            raise AnsibleParserError(str(failure)) from None

    def _check(self, config: Mapping[str, Any]) -> None:
        """Raise TaskFailure if the file contains an option that is not read."""
        options = [*self._options]
        for name in config:
            if name not in options:
                raise TaskFailure(f'there is no option "{name}"{known(str(name), options)}.')
        for variable in self._named():
            _check_variable("vars", variable)

    # ------------------------------------------------------------------ reading

    def _records(self, path: str, cache: bool) -> list[dict[str, Any]]:
        """Return the records of the hosts, from the cache if it has them and may be used. Raises SourceFailure and TaskFailure."""
        side, models = self._declared(path)
        if not self.get_option("cache"):
            return self._read(path, side, models)
        key, declared = self.get_cache_key(path), self._digest(side, models)
        kept = self._cache.get(key) if cache else None
        if isinstance(kept, Mapping) and kept.get("declared") == declared:
            hosts: list[dict[str, Any]] = kept["hosts"]
            return hosts
        hosts = self._read(path, side, models)
        self._cache[key] = {"declared": declared, "hosts": hosts}
        return hosts

    def _declared(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments of the adapter, all but the secrets, and the models, read from the files that contain them.
        Raises TaskFailure."""
        folder = Path(path).resolve().parent
        files = YamlArguments(self.loader, files_in(folder))
        side = {name: plain_value(self.get_option(name)) for name in ("adapter", "preset", "mapping", "lookups")}
        models = {name: plain_value(self.get_option(name)) for name in ("models", "models_file", "top_level")}
        options = self._evaluated("options", path)
        preset = preset_of(side, self.loader, files_in(folder))
        given = {**side, "options": options, **files.of_side(side), "preset": preset}
        return given, {**models, **files.of_models(models)}

    def _digest(self, side: Mapping[str, Any], models: Mapping[str, Any]) -> str:
        """Return a digest of all that decides what is read, and so what a cache may hold."""
        wanted = [self.get_option(name) for name in ("host_model", "vars")]
        return hashlib.sha256(json.dumps(plain_value([side, models, *wanted]), sort_keys=True).encode()).hexdigest()

    def _read(self, path: str, side: Mapping[str, Any], models: Mapping[str, Any]) -> list[dict[str, Any]]:
        return load_records(
            {**side, "secrets": self._evaluated("secrets", path), "name": None},
            models,
            InventoryQuery(str(self.get_option("host_model")), list(self._named().values())),
            Path(path).resolve().parent,
            self.display.warning,
        )

    def _evaluated(self, option: str, path: str) -> dict[str, Any]:
        """Return an option with its templates evaluated. Raises TaskFailure."""
        self.templar.available_variables = {
            **(self._vars or {}),
            "inventory_dir": str(Path(path).resolve().parent),
            "inventory_file": str(Path(path).resolve()),
        }
        try:
            evaluated: dict[str, Any] = plain_value(self.templar.template(self.get_option(option)))
        except AnsibleError as error:
            raise TaskFailure(f"{option} cannot be evaluated: {' '.join(str(error).split())}") from error
        return evaluated

    def _named(self) -> dict[str, str]:
        """Return variable → attribute of what is asked for by name. Raises TaskFailure."""
        wanted = self.get_option("vars")
        if wanted is None:
            return {}
        if isinstance(wanted, list) and all(isinstance(name, str) for name in wanted):
            return {f"{self.get_option('vars_prefix')}{name}": str(name) for name in wanted}
        if isinstance(wanted, Mapping) and all(isinstance(name, str) for name in wanted.values()):
            return {str(variable): str(name) for variable, name in wanted.items()}
        raise TaskFailure("vars should be a list of names of attributes, or a dictionary of variable to name of an attribute.")

    # ------------------------------------------------------------------ hosts, groups and variables

    def _named_hosts(self, records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return host's name → record, of which none is added before all of them have a name. Raises TaskFailure."""
        model = self.get_option("host_model")
        found: dict[str, dict[str, Any]] = {}
        for record in records:
            host = self._name_of(record)
            other = found.setdefault(host, record)
            if other is not record:
                raise TaskFailure(
                    f'hostname: the {model} "{other["id"]}" and the {model} "{record["id"]}" would both be called "{host}".'
                )
        return found

    def _add(self, host: str, record: Mapping[str, Any]) -> None:
        """Add a host. Raises AnsibleParserError where an expression is wrong and ``strict`` is set."""
        known, strict = _known(record), self.get_option("strict")
        self.inventory.add_host(host)
        for name, value in self._variables(record):
            self.inventory.set_variable(host, name, value)
        if self.get_option("parents_as_groups"):
            self._add_to_groups(host, record["above"])
        try:
            self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)
        except AnsibleParserError:
            raise
        except AnsibleError as error:
            raise AnsibleParserError(" ".join(str(error).split())) from None

    def _name_of(self, record: Mapping[str, Any]) -> str:
        """Return what a host is called. Raises TaskFailure."""
        wanted = self.get_option("hostname")
        described = f'{self.get_option("host_model")} "{record["id"]}"'
        found = record["id"] if wanted is None else self._named_by(wanted, record, described)
        gives = f"hostname: {'the identifier' if wanted is None else wanted} gives the {described}"
        if isinstance(found, bool) or not isinstance(found, (str, int)) or not str(found).strip():
            raise TaskFailure(f"{gives} no name, but {plain_value(found)!r}.")
        name: str = plain_value(str(found))
        if name in GROUPS_OF_ALL or not name.isprintable():
            raise TaskFailure(f"{gives} the name {name!r}, which no host can have.")
        return name

    def _named_by(self, wanted: str, record: Mapping[str, Any], described: str) -> Any:
        if wanted in record["values"]:
            return record["values"][wanted]
        try:
            return self._compose(wanted, _known(record))
        except AnsibleError as error:
            said = " ".join(str(error).split())
            raise TaskFailure(f"hostname: {wanted} cannot be evaluated for the {described}: {said}") from error

    def _variables(self, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        values = record["values"]
        if self.get_option("vars") is None:
            named = {f"{self.get_option('vars_prefix')}{name}": value for name, value in values.items()}
            for variable in named:
                _check_variable("vars_prefix", variable)
            self._reserved.update(filter(is_reserved_name, named))
            yield from ((variable, value) for variable, value in named.items() if variable not in self._reserved)
        else:
            yield from ((variable, values[name]) for variable, name in self._named().items())

    def _warn_of_reserved(self, path: str) -> None:
        """Warn of attributes that are not variables of the hosts, since Ansible reserves their names."""
        left = ", ".join(sorted(self._reserved - EXPECTED))
        if left:
            self.display.warning(
                f"{path}: Ansible reserves the names {left}, so the hosts have no such variables. "
                "Set vars_prefix, or give the variables other names in vars."
            )

    def _add_to_groups(self, host: str, above: list[Mapping[str, Any]]) -> None:
        """Put a host in the group of its parent, and that in the group of the next one, and so on. Raises TaskFailure."""
        prefix, child = self.get_option("parents_prefix"), ""
        for parent in above:
            called = f"{parent['model']}_{parent['id']}" if prefix is None else f"{prefix}{parent['id']}"
            try:
                group = self.inventory.add_group(self._sanitize_group_name(called))
                if not child:
                    self.inventory.add_host(host, group)
                elif group != child:
                    self.inventory.add_child(group, child)
            except AnsibleError as error:
                said = " ".join(str(error).split()).rstrip(":.")
                described = f'the {parent["model"]} "{parent["id"]}"'
                raise TaskFailure(f'parents_prefix: {described} cannot become the group "{called}": {said}.') from error
            child = group


def _check_variable(option: str, variable: str) -> None:
    """Raise TaskFailure when a variable cannot be called so."""
    try:
        validate_variable_name(variable)
    except AnsibleError as error:
        raise TaskFailure(f'{option}: "{variable}" is not a valid name of a variable.') from error


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the expressions of the file know of an object."""
    return {**record["values"], "parents": {above["model"]: above["values"] for above in reversed(record["above"])}}
