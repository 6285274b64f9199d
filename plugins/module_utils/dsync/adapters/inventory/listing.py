# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""An Ansible inventory as it is read: what ``ansible-inventory`` says of it, or what a play sends along in the same form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...exceptions import RecordProblem
from .programs import PROGRAM, Programs, last_words
from .vault import Concealed

HOST, GROUP = "host", "group"

ALL, UNGROUPED = "all", "ungrouped"
"""Groups that every inventory has, and that are in no record."""


@dataclass
class Group:
    """A group: its direct members, and its own variables."""

    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def members(self, kind: str) -> list[str]:
        """Return the hosts, or the groups, that are directly in it."""
        return self.hosts if kind == HOST else self.children


@dataclass
class Inventory:
    """Hosts and groups as they were read; a value that was encrypted is a :class:`Concealed` in them.

    Attributes:
        hosts: name → variables in effect.
        groups: name → group, without ``all`` and ``ungrouped``.
        implied: kind and name of hosts and groups that another one's members have made; their own record may create them still.
        unsafe: strings that look like templates, and are marked as none.
    """

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    implied: set[tuple[str, str]] = field(default_factory=set)
    unsafe: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Inventory:
        """Return the inventory in what ``ansible-inventory --list`` says, or a play."""
        found = cls()
        hostvars = data.get("_meta", {}).get("hostvars", {})
        for name, group in data.items():
            for host in group.get("hosts", ()):
                found.hosts.setdefault(host, {})
            if name not in ("_meta", ALL, UNGROUPED):
                children = [*group.get("children", ())]
                found.groups[name] = Group([*group.get("hosts", ())], children, _unmarked(group.get("vars", {}), found.unsafe))
        for name, variables in hostvars.items():
            found.hosts[name] = _unmarked(variables, found.unsafe)
        for group in list(found.groups.values()):
            for child in group.children:
                found.groups.setdefault(child, Group())
        for child in data.get(ALL, {}).get("children", ()):
            if child != UNGROUPED:
                found.groups.setdefault(child, Group())
        return found

    def groups_of(self, kind: str, name: str) -> list[str]:
        """Return the groups that a host, or a group, is directly in."""
        return sorted(group for group, there in self.groups.items() if name in there.members(kind))

    def members_of(self, kind: str, name: str) -> dict[str, list[str]]:
        """Return what a host is directly in, or what a group is directly in and has in it, each sorted."""
        above = self.groups_of(kind, name)
        if kind == HOST:
            return {"groups": above}
        group = self.groups.get(name, Group())
        return {"hosts": sorted(group.hosts), "children": sorted(group.children), "parents": above}

    def variables_of(self, kind: str, name: str) -> dict[str, Any]:
        """Return the variables of a host or group. Raises KeyError."""
        return self.hosts[name] if kind == HOST else self.groups[name].variables

    def below(self, name: str) -> set[str]:
        """Return a group and all groups in it."""
        found, waiting = {name}, [name]
        while waiting:
            there = self.groups.get(waiting.pop(), Group())
            new = [child for child in there.children if child not in found]
            found.update(new)
            waiting += new
        return found

    def hosts_below(self, name: str) -> set[str]:
        """Return the hosts in a group and in all groups in it."""
        return {host for group in self.below(name) for host in self.groups.get(group, Group()).hosts}

    # ------------------------------------------------------------------ changes

    def relate(self, kind: str, name: str, before: Mapping[str, list[str]], wanted: Mapping[str, list[str]]) -> None:
        """Give a host or group, which is added unless it is there, other members and groups that it is in.

        Args:
            kind: of it.
            name: of it.
            before: its members, as :meth:`members_of` returns them.
            wanted: the same, as they are to be; hosts and groups that are not there are added.
        """
        hosts, groups = ([name], []) if kind == HOST else (wanted["hosts"], [name])
        for one in hosts:
            if one not in self.hosts:
                self.hosts[one] = {}
                self.implied.add((HOST, one))
        for one in (*groups, *wanted.get("groups", ()), *wanted.get("children", ()), *wanted.get("parents", ())):
            if one not in self.groups:
                self.groups[one] = Group()
                self.implied.add((GROUP, one))
        self.implied.discard((kind, name))
        if kind == GROUP:
            own = self.groups[name]
            own.hosts, own.children = list(wanted["hosts"]), list(wanted["children"])
        part = "groups" if kind == HOST else "parents"
        for above in {*before[part], *wanted[part]}:
            names = self.groups[above].members(kind)
            if above not in wanted[part]:
                names.remove(name)
            elif name not in names:
                names.append(name)

    def rename(self, kind: str, old: str, new: str) -> None:
        """Give a host or group another name, which no other one has unless it is implied."""
        if kind == HOST:
            self.hosts[new] = self.hosts.pop(old)
        else:
            implied, self.groups[new] = self.groups.get(new, Group()), self.groups.pop(old)
            self.groups[new].hosts += [host for host in implied.hosts if host not in self.groups[new].hosts]
        for group in self.groups.values():
            names = group.members(kind)
            if old in names:
                names[:] = [new if name == old else name for name in names if name != new]
        self.implied.discard((kind, new))

    def remove(self, kind: str, name: str) -> None:
        """Remove a host or group, also from the groups that it is in. Raises KeyError."""
        if kind == HOST:
            del self.hosts[name]
        else:
            del self.groups[name]
        for group in self.groups.values():
            if name in group.members(kind):
                group.members(kind).remove(name)


def _unmarked(value: Any, unsafe: set[str]) -> Any:
    """Return variables without the marks by which ansible-inventory says that a string is encrypted, or is no template; add the
    latter to ``unsafe``."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key == "__ansible_vault":
                return Concealed(inner)
            if key == "__ansible_unsafe":
                unsafe.add(str(inner))
                return inner
            if key == CLEAR:
                return Concealed(clear=inner)
        return {key: _unmarked(item, unsafe) for key, item in value.items()}
    return [_unmarked(item, unsafe) for item in value] if isinstance(value, list) else value


CLEAR = "__dsync_concealed"
"""The mark of a value that was encrypted, and comes decrypted from a play."""


class Program:
    """The program ``ansible-inventory``, and its arguments for one inventory.

    Args:
        sources: what it reads.
        limit: a pattern of hosts; None for all.
        password: the file with the password of Ansible Vault, if there is one.
        programs: those of Ansible.
    """

    def __init__(self, sources: Sequence[str], limit: str | None, password: Path | None, programs: Programs) -> None:
        self._sources, self._limit, self._password, self._programs = sources, limit, password, programs

    def listed(self, *more: str, limit: str | None = "") -> dict[str, Any]:
        """Return what ansible-inventory says, with the limit that was given as an option if no other is. Raises RecordProblem."""
        arguments = ["--list", *more, *(f"--inventory={source}" for source in self._sources)]
        limit = self._limit if limit == "" else limit
        if limit is not None:
            arguments.append(f"--limit={limit}")
        if self._password is not None:
            arguments.append(f"--vault-password-file={self._password}")
        done = self._programs.run(PROGRAM, arguments)
        if done.returncode:
            raise RecordProblem(f"{PROGRAM} cannot read {', '.join(self._sources)}: {_complaint(done.stderr)}")
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise RecordProblem(f"{PROGRAM} printed something else than an inventory in JSON") from None
        return found


_REASON = re.compile(r"Failed to parse \S+ with '?(?P<plugin>\w+)'? plugin: (?P<reason>.+)")
_ORIGIN = re.compile(r"^Origin: (?P<place>[^<\s]+:\d+)", re.MULTILINE)


def _complaint(stderr: bytes) -> str:
    """Return what the program said last, and why a source cannot be read."""
    said, text = last_words(stderr), stderr.decode(errors="replace")
    reasons = {found["plugin"]: found["reason"].strip() for found in _REASON.finditer(text)}
    reason = next((reasons[plugin] for plugin in ("yaml", "ini") if plugin in reasons), "")
    origin = _ORIGIN.search(text)
    place = f" ({origin['place']})" if origin and reason else ""
    return f"{said}: {reason}{place}" if reason and reason not in said else said
