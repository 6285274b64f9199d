# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the running play, for the adapter ``inventory``: only the variables that a task's mapping needs, with their
templates evaluated by Ansible, in the form of ``ansible-inventory --list``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import jinja2.meta
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultHelper
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

from ..module_utils._module.errors import TaskFailure

ADAPTER = "inventory"
PLAY = "play"

OWN = frozenset({"name", "groups", "group_names", "hosts", "children", "parents"})
"""Fields of records that are not variables."""

MAGIC = frozenset({"group_names", "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short"})
"""Variables that Ansible itself defines for each host."""

SECRET = re.compile(r"ansible_.*(pass|private_key|secret|token)")
"""Matches variables that are sent only if they are named."""

CONCEALED = "__dsync_concealed"
"""Marks a value that was encrypted, which the adapter masks."""

_ENCRYPTED = b"$ANSIBLE_VAULT;"


class RequiredVariables(NamedTuple):
    """The variables of hosts or groups that a task needs.

    Attributes:
        names: names of variables.
        everything: whether all variables that the inventory defines are needed too.
    """

    names: set[str]
    everything: bool = False

    def __or__(self, other: RequiredVariables) -> RequiredVariables:
        return RequiredVariables(self.names | other.names, self.everything or other.everything)


NOTHING = RequiredVariables(set())


def reads_play_inventory(arguments: Mapping[str, Any]) -> bool:
    """Return whether a dataset of a task reads the inventory of the play."""
    options = arguments.get("options") or {}
    source = options.get("source", PLAY) if isinstance(options, dict) else None
    return arguments.get("adapter") == ADAPTER and source in (PLAY, [PLAY])


# ---------------------------------------------------------------------- what a mapping needs


def required_variables(models: Any, arguments: Mapping[str, Any]) -> tuple[RequiredVariables, RequiredVariables]:
    """Return the variables of hosts and of groups that a dataset's models and mapping need; the module validates these."""
    options, mapping = arguments.get("options") or {}, arguments.get("mapping")
    given = options.get("variables")
    hosts, groups = NOTHING, NOTHING
    for name, model in models.items() if isinstance(models, dict) else ():
        declared = mapping.get(name) if isinstance(mapping, dict) else None
        declared = declared if isinstance(declared, dict) else {}
        found = _of_model(model if isinstance(model, dict) else {}, declared)
        if declared.get("from") == "groups":
            groups |= found
        else:
            hosts |= found
    if isinstance(given, list):
        return RequiredVariables(set(map(str, given))), RequiredVariables(set(map(str, given)))
    return hosts, groups


def _of_model(model: dict[str, Any], declared: dict[str, Any]) -> RequiredVariables:
    fields = declared.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    parts = [_of_field(fields.get(name, name), name) for part in ("identifiers", "attributes") for name in model.get(part) or ()]
    parts += [_of_path(name) for name in declared.get("where") or ()]
    parts += [_of_expression(declared[key]) for key in ("keep", "drop") if key in declared]
    parent = declared.get("parent")
    if isinstance(parent, dict):
        match = parent.get("match")
        parts += [_of_path(name) for name in match] if isinstance(match, dict) else []
        parts += [_of_field(piece, name) for name, piece in parent.items() if name != "match"]
    elif parent is not None:
        parts.append(_of_path(parent))
    return RequiredVariables(set().union(*(part.names for part in parts)) - OWN, any(part.everything for part in parts))


def _of_field(declared: Any, name: Any) -> RequiredVariables:
    if not isinstance(declared, dict):
        return _of_path(declared)
    if "expr" in declared:
        return _of_expression(declared["expr"])
    return NOTHING if "value" in declared else _of_path(declared.get("from", name))


def _of_path(declared: Any) -> RequiredVariables:
    names = declared.split(".") if isinstance(declared, str) else declared
    return RequiredVariables({names[0]}) if isinstance(names, list) and names and isinstance(names[0], str) else NOTHING


def _of_expression(text: Any) -> RequiredVariables:
    try:
        names = jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(f"{{{{ {text} }}}}"))
    except jinja2.TemplateError:
        return NOTHING
    return RequiredVariables(names - {"record"}, "record" in names)


# ---------------------------------------------------------------------- reading it


class PlayInventory:
    """The inventory of the running play.

    Args:
        hostvars: the variable of that name, which knows the inventory.
        loader: reads files as Ansible does.
    """

    def __init__(self, hostvars: Any, loader: Any) -> None:
        self._hostvars, self._loader = hostvars, loader
        self._inventory = hostvars._inventory  # no public interface lists the groups of a group
        self._encrypted: dict[str, list[Any]] | None = None

    def listed(self, hosts: RequiredVariables, groups: RequiredVariables, limit: Any) -> dict[str, Any]:
        """Return hosts and groups in the form of ``ansible-inventory --list``.

        Args:
            hosts: the variables of hosts to include.
            groups: the variables of groups to include.
            limit: a pattern of hosts to include; None for all.

        Raises:
            TaskFailure: a variable cannot be evaluated.
        """
        pattern = limit if isinstance(limit, str) and limit else "all"
        there = self._inventory.get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)
        names = {host.name for host in there}
        found: dict[str, Any] = {}
        for name, group in self._inventory.groups.items():
            found[str(name)] = {
                "hosts": [str(host.name) for host in group.hosts if host.name in names],
                "children": [str(child.name) for child in group.child_groups],
                "vars": self._of_group(group, groups),
            }
        return {**found, "_meta": {"hostvars": {str(host.name): self._of_host(host, hosts) for host in there}}}

    def _of_host(self, host: Any, wanted: RequiredVariables) -> dict[str, Any]:
        if not wanted.names and not wanted.everything:
            return {}
        view = self._hostvars[host.name]
        names = set(wanted.names)
        if wanted.everything:
            names |= {name for name in self._defined(host) if name not in MAGIC and not SECRET.match(name)}
        found = {}
        for name in sorted(names):
            if name not in view:
                continue
            try:
                value = self._plain(view[name], name)
            except AnsibleError as error:
                said = " ".join(str(error).split())
                raise TaskFailure(f'host {host.name}: the variable "{name}" cannot be evaluated: {said}') from error
            if name in wanted.names or not _holds_concealed(value):
                found[str(name)] = value
        return found

    def _defined(self, host: Any) -> set[str]:
        """Return the names of the variables that the inventory defines for a host."""
        entities = [*host.get_groups(), host]
        names = {name for entity in entities for name in entity.get_vars()}
        for found in (
            get_vars_from_inventory_sources(self._loader, self._inventory._sources, entities, "all"),
            get_vars_from_path(self._loader, self._loader.get_basedir(), entities, "all"),
        ):
            names.update(found)
        return names

    def _of_group(self, group: Any, wanted: RequiredVariables) -> dict[str, Any]:
        """Return a group's own variables; their templates are not evaluated, which requires a host."""
        if not wanted.names and not wanted.everything:
            return {}
        found = {
            **group.get_vars(),
            **get_vars_from_inventory_sources(self._loader, self._inventory._sources, [group], "all"),
            **get_vars_from_path(self._loader, self._loader.get_basedir(), [group], "all"),
        }
        plain = {str(name): self._plain(value, name) for name, value in found.items() if wanted.everything or name in wanted.names}
        return {name: value for name, value in plain.items() if name in wanted.names or not _holds_concealed(value)}

    def _plain(self, value: Any, variable: str = "") -> Any:
        """Return a value as plain JSON data, without Ansible's own types; encrypted values are marked."""
        if variable and value in self._from_encrypted_files().get(variable, ()):
            return {CONCEALED: plain_value(value)}
        if VaultHelper.get_ciphertext(value, with_tags=False):
            return {CONCEALED: str(value)}
        if isinstance(value, Mapping):
            return {str(key): self._plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [self._plain(item) for item in value]
        return plain_value(value)

    def _from_encrypted_files(self) -> dict[str, list[Any]]:
        """Return name → values of variables in files that are encrypted as a whole, whose values have no tag."""
        if self._encrypted is None:
            self._encrypted = {}
            for path in self._encrypted_files():
                content = self._loader.load_from_file(str(path))
                for name, value in content.items() if isinstance(content, Mapping) else ():
                    self._encrypted.setdefault(name, []).append(value)
        return self._encrypted

    def _encrypted_files(self) -> Iterator[Path]:
        sources = [Path(source) for source in self._inventory._sources if source and Path(source).exists()]
        folders = [source if source.is_dir() else source.parent for source in sources]
        for folder in dict.fromkeys([*folders, Path(self._loader.get_basedir())]):
            for path in (path for part in ("group_vars", "host_vars") for path in sorted((folder / part).rglob("*"))):
                if path.is_file():
                    with path.open("rb") as stream:
                        if stream.read(len(_ENCRYPTED)) == _ENCRYPTED:
                            yield path


def _holds_concealed(value: Any) -> bool:
    if isinstance(value, dict):
        return CONCEALED in value or any(map(_holds_concealed, value.values()))
    return isinstance(value, list) and any(map(_holds_concealed, value))


def plain_value(value: Any) -> Any:
    """Return a value without Ansible's own types and tags."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain_value(item) for item in value]
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
