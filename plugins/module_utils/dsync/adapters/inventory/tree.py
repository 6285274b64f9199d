# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The tree of a YAML file of hosts and groups: where they are in it, and how they are added, moved and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...exceptions import RecordProblem
from .listing import ALL, HOST
from .tree_file import Renamed


class HostsTree:
    """Where hosts and groups are in the tree of the file of hosts and groups; it is changed through this.

    Args:
        tree: group → its ``hosts``, ``children`` and ``vars``.
        path: of the file, for messages.
        renamed: where it is noted which keys were renamed (:class:`.tree_file.TreeFile`).
        flat: whether groups are only named where they are children, as in INI.
    """

    def __init__(self, tree: dict[Any, Any], path: Path, renamed: Renamed, flat: bool = False) -> None:
        self._tree, self._path, self._renamed, self._flat = tree, path, renamed, flat
        self._scan()

    def _scan(self) -> None:
        self._groups: dict[str, list[dict[str, Any]]] = {}
        self._hosts: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for group in list(self._tree):
            self._visit(self._tree, group)

    def _visit(self, holder: dict[str, Any], group: str) -> None:
        self._groups.setdefault(group, []).append(holder)
        if holder[group] is None:
            return
        if not isinstance(holder[group], dict):
            raise RecordProblem(f'{self._path}: the group "{group}" should be a dictionary')
        for host in self._section(holder, group, "hosts"):
            self._hosts.setdefault(host, []).append((group, holder[group]["hosts"]))
        for child in self._section(holder, group, "children"):
            self._visit(holder[group]["children"], child)

    def _section(self, holder: dict[str, Any], group: str, name: str) -> dict[str, Any]:
        there = holder[group].get(name)
        if isinstance(there, str):
            there = holder[group][name] = {there: None}
        if there is not None and not isinstance(there, dict):
            raise RecordProblem(f'{self._path}: {name} of the group "{group}" should be a dictionary')
        return there or {}

    @staticmethod
    def _made(holder: dict[str, Any], *names: str) -> dict[str, Any]:
        """Return the dictionary under these names; what is not there is made."""
        for name in names:
            if not holder.get(name):
                holder[name] = {}
            holder = holder[name]
        return holder

    # ------------------------------------------------------------------ looking

    def has(self, kind: str, name: str) -> bool:
        """Return whether a host or group is written out in the file."""
        return bool((self._hosts if kind == HOST else self._groups).get(name))

    def inline(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Return the dictionaries with variables of a host or group, in the file's order."""
        if kind == HOST:
            found = [hosts[name] for _group, hosts in self._hosts.get(name, ())]
        else:
            found = [holder[name].get("vars") for holder in self._groups.get(name, ()) if holder[name]]
        return [one for one in found if isinstance(one, dict)]

    def make_inline(self, kind: str, name: str) -> dict[str, Any]:
        """Return the dictionary for new variables of a host or group that is written out."""
        there = self.inline(kind, name)
        if there:
            return there[-1]
        if kind == HOST:
            return self._made(self._hosts[name][-1][1], name)
        return self._made(self.group(name) if self._flat else self._groups[name][-1], name, "vars")

    def check_member(self, host: str, group: str) -> None:
        """Raise RecordProblem when a host is not written out as a member of a group."""
        if not any(one == group for one, _hosts in self._hosts.get(host, ())):
            raise RecordProblem(
                f'the host "{host}" cannot be taken out of the group "{group}": it is not written out there in {self._path}, but '
                "part of a range such as web[01:20], or of another source"
            )

    def check_child(self, parent: str, child: str) -> None:
        """Raise RecordProblem when a group is not written out as a child of another."""
        if not any(self._has_child(holder, parent, child) for holder in self._groups.get(parent, ())):
            raise RecordProblem(f'the group "{child}" is not written out as a child of "{parent}" in {self._path}')

    def rename(self, kind: str, old: str, new: str) -> None:
        """Give a host or group another name wherever it is written out."""
        found = [hosts for _group, hosts in self._hosts[old]] if kind == HOST else self._groups[old]
        for holder in found:
            if new in holder:
                holder[new] = holder[new] or {}
                _merge(holder[new], holder.pop(old) or {})
                continue
            entries = [(new if key == old else key, value) for key, value in holder.items()]
            holder.clear()
            holder.update(entries)
            self._renamed.append((holder, new, old))
        self._scan()

    # ------------------------------------------------------------------ hosts

    def add_host(self, name: str, groups: Sequence[str]) -> None:
        """Make a host, which may be there already, a member of groups, or of none."""
        for group in groups or [ALL]:
            holder = self.group(group)
            hosts = self._made(holder, group, "hosts")
            if name not in hosts:
                hosts[name] = {}
                self._hosts.setdefault(name, []).append((group, hosts))

    def move_host(self, name: str, before: str, after: str) -> None:
        """Take a host out of one group and into another, with what is written at it there."""
        entries = self._hosts[name]
        hosts = self._made(self.group(after), after, "hosts")
        place = next(place for place, (group, _hosts) in enumerate(entries) if group == before)
        others = [there[name] for number, (_group, there) in enumerate(entries) if number != place]
        if name in hosts or any(others) or sum(group == before for group, _hosts in entries) > 1:
            self.add_host(name, [after])
            self.remove_host(name, before)
            return
        hosts[name] = entries[place][1].pop(name)
        entries[place] = (after, hosts)

    def remove_host(self, name: str, group: str) -> None:
        """Take a host out of one group; its variables there move to where it is still written out."""
        before: dict[str, Any] = {}
        for inline in self.inline(HOST, name):
            before.update(inline)
        out = [entry for entry in self._hosts[name] if entry[0] == group]
        self._hosts[name] = [entry for entry in self._hosts[name] if entry[0] != group]
        moved: dict[str, Any] = {}
        for _group, hosts in out:
            moved.update(hosts.pop(name) or {})
        if not self._hosts[name]:
            self.add_host(name, ())
        moved = {variable: value for variable, value in moved.items() if before[variable] is value}
        if moved:
            self._made(self._hosts[name][-1][1], name).update(moved)

    def forget_host(self, name: str) -> None:
        """Take a host out of everything."""
        for _group, hosts in self._hosts.pop(name, ()):
            hosts.pop(name, None)

    # ------------------------------------------------------------------ groups

    def group(self, name: str) -> dict[str, Any]:
        """Return the dictionary in which a group is, made if there is none."""
        holders = [one for one in self._groups.get(name, []) if not self._flat or one is self._tree]
        for wanted in ("hosts", "vars", "children"):
            for holder in holders:
                if holder[name] and wanted in holder[name]:
                    return holder
        if holders:
            return holders[0]
        at_root = self._flat or name == ALL or ALL not in self._tree
        holder = self._tree if at_root else self._made(self._tree, ALL, "children")
        holder[name] = {}
        self._groups.setdefault(name, []).append(holder)
        return holder

    def add_child(self, parent: str, child: str) -> None:
        """Make a group, which may be there already, the child of another."""
        children = self._made(self.group(parent), parent, "children")
        if self._flat:
            self.group(child)
        if child not in children:
            children[child] = {}
            self._groups.setdefault(child, []).append(children)

    def move_child(self, child: str, before: str, after: str) -> None:
        """Take a group out of one group and into another, with what is written of it there."""
        holders = [holder[before]["children"] for holder in self._groups[before] if self._has_child(holder, before, child)]
        children = self._made(self.group(after), after, "children")
        if child in children or len(holders) != 1:
            self.add_child(after, child)
            self.remove_child(before, child)
            return
        children[child] = holders[0].pop(child)
        self._scan()

    def _has_child(self, holder: dict[str, Any], parent: str, child: str) -> bool:
        return bool(holder[parent]) and child in self._section(holder, parent, "children")

    def remove_child(self, parent: str, child: str) -> None:
        """Take a group out of another; its entry there moves."""
        for holder in self._groups[parent]:
            if self._has_child(holder, parent, child):
                self._move(holder[parent]["children"], child)
        self._scan()

    def _move(self, holder: dict[str, Any], group: str) -> None:
        """Take a group out of a dictionary, and put what is in it to another place of it."""
        node = holder.pop(group)
        self._groups[group] = [one for one in self._groups[group] if one is not holder]
        there = self.group(group)
        if not there[group]:
            there[group] = node
        elif node:
            _merge(there[group], node)

    def remove_group(self, name: str) -> None:
        """Take a group away; its hosts and child groups stay."""
        for host in [host for host, entries in self._hosts.items() if any(group == name for group, _hosts in entries)]:
            self.remove_host(host, name)
        for holder in list(self._groups[name]):
            for child in list(self._section(holder, name, "children")) if holder[name] else ():
                self._move(holder[name]["children"], child)
        for holder in self._groups[name]:
            holder.pop(name, None)
        self._scan()


def _merge(there: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put what is in one dictionary into another, at all depths; what is in both stays as it is there."""
    for key, value in more.items():
        if not there.get(key):
            there[key] = value
        elif isinstance(there[key], dict) and isinstance(value, dict):
            _merge(there[key], value)
