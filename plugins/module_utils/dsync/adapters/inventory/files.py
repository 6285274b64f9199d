# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changing an inventory that is kept in files: a file of hosts and groups, and ``group_vars`` and ``host_vars`` beside it.

Every file is read when something in it is to be changed, changed in memory, and written with all others at the end; what is not
changed in a file stays as it is, byte by byte (:mod:`..documents.formats`).
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...exceptions import RecordProblem
from ...records.path import Path as FieldPath
from ...records.path import text_of_path, write
from ..documents.yaml_format import Tagged, YamlFormat
from .directory import ENDS, Apply, Directory
from .ini import fits, text_of
from .listing import ALL, GROUP, HOST, UNGROUPED
from .tree import HostsTree
from .tree_file import TreeFile
from .values import copied, has_template, plain_copy, value_at, without_templates
from .vault import Vault

NAMES_OF_MAIN = tuple(name + end for name in ("hosts", "inventory") for end in (".yml", ".yaml", ".ini", ""))
"""What the file of hosts and groups is called in a directory."""

_SAFE = re.compile(r"\w[\w.@%+-]*\Z")


def main_file(source: Path) -> Path:
    """Return the file of hosts and groups of a source.

    Raises:
        RecordProblem: the source cannot be written, and why.
    """
    if source.is_dir():
        found = [source / name for name in NAMES_OF_MAIN if (source / name).is_file()]
        if len(found) == 1:
            return found[0]
        which = "several of them" if found else "none of them"
        raise RecordProblem(f"only a directory with one file {' or '.join(NAMES_OF_MAIN)} is written, and {source} has {which}")
    if source.suffix not in (".yml", ".yaml", ".ini", "") or _is_script(source):
        raise RecordProblem(f"only YAML and INI are written, and {source} is a script, or no .yml, .yaml or .ini file")
    return source


def _is_script(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"#!" or os.access(path, os.X_OK)
    except OSError:
        return False


def is_ini(path: Path) -> bool:
    """Return whether Ansible reads a file of hosts and groups as INI: it does not end in .yml, and is not YAML."""
    if path.suffix in (".yml", ".yaml"):
        return False
    try:
        return path.suffix == ".ini" or not isinstance(YamlFormat().read(path.read_text(encoding="utf-8"), str(path)), dict)
    except (OSError, UnicodeDecodeError, RecordProblem):
        return True


def check_name(kind: str, name: Any) -> None:
    """Raise RecordProblem if a new host or group cannot have its name, because a file has it as well."""
    safe = isinstance(name, str) and (_is_address(name) or _SAFE.match(name)) and not name.endswith(ENDS[1:])
    if not safe or (kind == GROUP and name in (ALL, UNGROUPED)):
        raise RecordProblem(
            f"{name!r} cannot be the name of a {kind}: it becomes the name of a file, so it is letters, digits, dots and dashes"
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return False
    return "%" not in name


class TemplateAt(NamedTuple):
    """A template in a file, and its text; empty if it is within a list or dictionary."""

    file: Path
    text: str


class InventoryFiles:
    """The files of one inventory, and the changes to make in them.

    Args:
        source: the file of hosts and groups, or the directory that it is in.
        vault: encrypts and decrypts.

    Raises:
        RecordProblem: it is no inventory that is written.
    """

    def __init__(self, source: Path, vault: Vault) -> None:
        self._main, self._vault = main_file(source), vault
        self._directory = Directory(self._main, vault, is_ini(self._main))
        self._index: HostsTree | None = None

    @property
    def index(self) -> HostsTree:
        """Where hosts and groups are in the file of hosts and groups."""
        if self._index is None:
            main = self._directory.open(self._main)
            if main.encrypted or ("plugin" in main.tree and not self._directory.ini):
                why = "is encrypted as a whole" if main.encrypted else "configures an inventory plugin"
                raise RecordProblem(f"{self._main} {why}, and only plain hosts and groups are written")
            self._index = HostsTree(main.tree, self._main, main.renamed, self._directory.ini)
        return self._index

    # ------------------------------------------------------------------ variables

    def setting(
        self, kind: str, name: str, values: Mapping[FieldPath, Any], there: Mapping[str, Any], secret: set[FieldPath]
    ) -> Apply:
        """Return what sets variables of a host or group, where it defines them itself, or else at it.

        Args:
            kind: host or group.
            name: of it.
            values: path of a variable, or in one → its value, plain.
            there: its variables as they are in effect, so that nothing else in a dictionary is lost.
            secret: those of the paths whose values must not be shown.

        Raises:
            RecordProblem: one of them cannot be set.
        """
        by_name: dict[str, dict[FieldPath, Any]] = {}
        for path, value in values.items():
            by_name.setdefault(path[0], {})[path] = value
        todo = [self._setting_one(kind, name, variable, parts, there, secret) for variable, parts in by_name.items()]
        return _all_of(todo)

    def _setting_one(
        self, kind: str, name: str, variable: str, parts: Mapping[FieldPath, Any], there: Mapping[str, Any], secret: set[FieldPath]
    ) -> Apply:
        holder = self._definition(kind, name, variable)
        before = None if holder is None else holder[variable]
        if holder is None and any(path[1:] for path in parts):
            before = plain_copy(there.get(variable), variable)
        found: dict[str, Any] = {variable: copied(before)}
        for path, value in parts.items():
            old = value_at(before, path[1:])
            if has_template(old):
                raise RecordProblem(
                    f'"{text_of_path(path)}" of the {kind} {name} is a template, which is not written over; change it by hand, or '
                    "leave it out of the model"
                )
            new = self._encoded(path, value, old, path in secret)
            try:
                write(found, path, new)
            except TypeError as error:
                raise RecordProblem(f"{error} of the {kind} {name}") from None
        if holder is None and self._directory.has(kind) and not self._open_files(kind, name):
            self._directory.new_path(kind, name)
        if self._directory.ini and any(holder is inline for inline in self.index.inline(kind, name)):
            text_of(found[variable], variable)
        if holder is not None:
            return lambda: holder.__setitem__(variable, found[variable])
        return lambda: self._place_for_new(kind, name, found[variable]).__setitem__(variable, found[variable])

    def _encoded(self, path: FieldPath, value: Any, before: Any, secret: bool) -> Any:
        was_encrypted = isinstance(before, Tagged) and before.tag == "!vault"
        if value is not None and (was_encrypted or (secret and self._vault.encrypts)):
            if not isinstance(value, str):
                raise RecordProblem(f'"{text_of_path(path)}" cannot be encrypted with Ansible Vault: it is not a string')
            try:
                if was_encrypted and self._vault.decrypt(before.value) == value:
                    return before
                return Tagged("!vault", self._vault.encrypt(value, before.value if was_encrypted else ""))
            except RecordProblem as problem:
                raise RecordProblem(f'"{text_of_path(path)}": {problem}') from None
        return without_templates(value)

    def _definition(self, kind: str, name: str, variable: str) -> dict[str, Any] | None:
        """Return the dictionary in which a host or group defines a variable itself, of several the one that counts."""
        for file in reversed(self._directory.files_of(kind, name)):
            if variable in file.tree:
                if file.encrypted or file.path.suffix == ".json":
                    why = "encrypted as a whole" if file.encrypted else "JSON"
                    raise RecordProblem(f'"{variable}" of the {kind} {name} is in {file.path}, which is {why} and so not changed')
                return file.tree
        return next((inline for inline in reversed(self.index.inline(kind, name)) if variable in inline), None)

    def defines(self, kind: str, name: str, variable: str) -> bool:
        """Return whether a host or group defines a variable itself. Raises RecordProblem where that is not changed."""
        return self._definition(kind, name, variable) is not None

    def template_at(self, kind: str, name: str, path: FieldPath) -> TemplateAt | None:
        """Return the template as which a host or group defines a variable itself, or None. Raises as :meth:`defines`."""
        holder = self._definition(kind, name, path[0])
        value = None if holder is None else value_at(holder, path)
        if not has_template(value):
            return None
        files = (file.path for file in self._directory.files_of(kind, name) if file.tree is holder)
        return TemplateAt(next(files, self._main), value if isinstance(value, str) else "")

    def _open_files(self, kind: str, name: str) -> list[TreeFile]:
        """Return the files of a host's or group's variables that can be changed."""
        return [file for file in self._directory.files_of(kind, name) if not file.encrypted and file.path.suffix != ".json"]

    def _place_for_new(self, kind: str, name: str, value: Any) -> dict[str, Any]:
        """Return the dictionary for the value of a variable that a host or group does not define yet."""
        files = self._open_files(kind, name)
        if files:
            return files[-1].tree
        if self._directory.has(kind) or not self.index.has(kind, name) or (self._directory.ini and not fits(value)):
            return self._directory.new_file(kind, name).tree
        return self.index.make_inline(kind, name)

    # ------------------------------------------------------------------ hosts and groups

    def adding_host(self, name: str, groups: Sequence[str]) -> Apply:
        """Return what adds a host to the file of hosts. Raises RecordProblem."""
        for kind, one in ((HOST, name), *((GROUP, group) for group in groups)):
            check_name(kind, one)
        index = self.index
        if index.has(HOST, name):
            raise RecordProblem(f'there is a host "{name}" in {self._main} already')
        return lambda: index.add_host(name, groups)

    def regrouping(self, name: str, before: Iterable[str], after: Sequence[str]) -> Apply:
        """Return what makes a host, in some groups before, a member of others. Raises RecordProblem."""
        for group in after:
            check_name(GROUP, group)
        index, left = self.index, sorted(set(before) - set(after))
        for group in left:
            index.check_member(name, group)
        new = [group for group in after if group not in set(before)]

        def apply() -> None:
            for old, group in zip(left, new):
                index.move_host(name, old, group)
            if new[len(left) :]:
                index.add_host(name, new[len(left) :])
            for group in left[len(new) :]:
                index.remove_host(name, group)

        return apply

    def removing_host(self, name: str, groups: Iterable[str]) -> Apply:
        """Return what takes a host out of everything. Raises RecordProblem."""
        index = self.index
        for group in groups:
            index.check_member(name, group)
        if not index.has(HOST, name):
            index.check_member(name, UNGROUPED)
        files = self._directory.removing(HOST, name)

        def apply() -> None:
            index.forget_host(name)
            files()

        return apply

    def adding_group(self, name: str) -> Apply:
        """Return what adds a group. Raises RecordProblem."""
        check_name(GROUP, name)

        def apply() -> None:
            self.index.group(name)

        return apply

    def relating(self, child: str, before: Iterable[str], after: Iterable[str]) -> Apply:
        """Return what makes a group, a child of some groups before, a child of others. Raises RecordProblem."""
        new, left, index = sorted(set(after) - set(before)), sorted(set(before) - set(after)), self.index
        for group in (child, *new) if new else ():
            check_name(GROUP, group)
        for parent in left:
            index.check_child(parent, child)

        def apply() -> None:
            for old, group in zip(left, new):
                index.move_child(child, old, group)
            for parent in new[len(left) :]:
                index.add_child(parent, child)
            for parent in left[len(new) :]:
                index.remove_child(parent, child)

        return apply

    def renaming(self, kind: str, old: str, new: str, groups: Iterable[str]) -> Apply:
        """Return what gives a host or group another name.

        Args:
            kind: host or group.
            old: its name.
            new: its name from now on.
            groups: those that a host is directly in.

        Raises:
            RecordProblem: it cannot be renamed.
        """
        check_name(kind, new)
        index = self.index
        for group in groups if kind == HOST else ():
            index.check_member(old, group)
        if not index.has(kind, old):
            raise RecordProblem(
                f'the {kind} "{old}" cannot be renamed: it is not written out in {self._main}, but part of a range such as '
                "web[01:20], or of another source"
            )
        files = self._directory.renaming(kind, old, new)

        def apply() -> None:
            index.rename(kind, old, new)
            files()

        return apply

    def removing_group(self, name: str) -> Apply:
        """Return what takes a group away, though not the hosts and groups in it. Raises RecordProblem."""
        check_name(GROUP, name)
        if not self.index.has(GROUP, name):
            raise RecordProblem(f'the group "{name}" is not in {self._main}')
        files = self._directory.removing(GROUP, name)

        def apply() -> None:
            self.index.remove_group(name)
            files()

        return apply

    # ------------------------------------------------------------------ keeping the changes

    def forget(self) -> None:
        """Forget all changes that were not written."""
        self._index = None
        self._directory.forget()

    def commit(self) -> None:
        """Write what was changed: all files, or none. Raises NothingKept and RecordProblem (:meth:`.Directory.commit`)."""
        try:
            self._directory.commit()
        finally:
            self._index = None


def _all_of(todo: Sequence[Apply]) -> Apply:
    def apply() -> None:
        for one in todo:
            one()

    return apply
