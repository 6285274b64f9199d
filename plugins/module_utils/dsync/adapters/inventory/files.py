# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changing an inventory that is kept in YAML files: a file of hosts and groups, and ``group_vars`` and ``host_vars`` beside it.

Every file is read when something in it is to be changed, changed in memory, and written with all others at the end; what is not
changed in a file stays as it is, byte by byte (:mod:`..documents.formats`).
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...exceptions import NothingKept, RecordError, RecordProblem
from ...records.path import Path as FieldPath
from ...records.path import text_of_path, write
from ...storage.files import PRIVATE, wrap_os_errors
from ...storage.paths import file_error
from ..documents.commit import FileChange, commit, digest_of, nothing_kept
from ..documents.edits import Edits
from ..documents.yaml_format import Tagged, YamlFormat
from .listing import ALL, GROUP, HOST, UNGROUPED
from .tree import HostsTree
from .vault import MAGIC, Vault, decrypted

NAMES_OF_MAIN = ("hosts.yml", "hosts.yaml", "inventory.yml", "inventory.yaml")
"""What the file of hosts and groups is called in a folder."""

_ENDS = ("", ".yml", ".yaml", ".json")
_FOLDERS = {HOST: "host_vars", GROUP: "group_vars"}
_SAFE = re.compile(r"\w[\w.@%+-]*\Z")
_TEMPLATE = re.compile(r"\{[{%#]")

Apply = Callable[[], None]
"""Makes a change of which everything that could go wrong has been looked at."""


def main_file(source: Path) -> Path:
    """Return the file of hosts and groups of a source.

    Raises:
        RecordProblem: the source is none that is written, and why.
    """
    if source.is_dir():
        found = [source / name for name in NAMES_OF_MAIN if (source / name).is_file()]
        if len(found) == 1:
            return found[0]
        which = "several of them" if found else "none of them"
        raise RecordProblem(f"only a folder with one file {' or '.join(NAMES_OF_MAIN)} is written, and {source} has {which}")
    if source.suffix not in (".yml", ".yaml"):
        raise RecordProblem(f"only YAML is written, and {source} is no .yml or .yaml file")
    return source


def check_name(kind: str, name: Any) -> None:
    """Raise RecordProblem when a host or group that is to be made cannot be called so: its name is a file's name as well."""
    safe = isinstance(name, str) and (_is_address(name) or _SAFE.match(name)) and not name.endswith(_ENDS[1:])
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


class _File:
    """A YAML file.

    Attributes:
        path: where it is.
        raw: what was in it; None where there is none yet.
        mode: its permissions.
        tree: what it is to hold.
        gone: whether it is to be removed.
        encrypted: whether it is encrypted as a whole, and so cannot be changed.
    """

    def __init__(self, path: Path, raw: bytes | None, vault: Vault | None) -> None:
        self.path, self.raw, self.gone = path, raw, False
        self.mode = PRIVATE if raw is None else stat.S_IMODE(path.stat().st_mode)
        self.text = "" if raw is None else _decoded(raw, path)
        self.encrypted = self.text.startswith(MAGIC)
        read = decrypted(path, vault) if self.encrypted else self.text
        self._before = YamlFormat().read(read, str(path))
        if self._before is not None and not isinstance(self._before, dict):
            raise file_error(RecordProblem, path, "should hold a dictionary")
        self.tree: dict[Any, Any] = copied(self._before or {})

    @property
    def changed(self) -> bool:
        return self.gone or not _same(self.tree, self._before or {})

    def rendered(self) -> bytes:
        """Return the bytes that it is to hold. Raises RecordProblem."""
        edits = Edits()
        if self._before:
            _note_differences(self._before, self.tree, (), edits)
        else:
            edits.changed[()] = {(): self.tree}
        text = YamlFormat().changed(self.text, edits, str(self.path))
        return (text if self.raw is not None else f"---\n{text}").encode()


def _decoded(raw: bytes, path: Path) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise file_error(RecordProblem, path, "is not encoded as UTF-8") from None


class InventoryFiles:
    """The files of one inventory, and the changes that are to be made in them.

    Args:
        source: the file of hosts and groups, or the folder that it is in.
        vault: encrypts and decrypts; None where no password is known.

    Raises:
        RecordProblem: it is no inventory that is written.
    """

    def __init__(self, source: Path, vault: Vault | None) -> None:
        self._main, self._vault = main_file(source), vault
        self._folder = self._main.parent
        self._stamps = dict(self._stamped())
        self._files: dict[Path, _File] = {}
        self._index: HostsTree | None = None

    # ------------------------------------------------------------------ files

    def _stamped(self) -> Iterator[tuple[Path, tuple[int, ...]]]:
        parts = [self._folder / part for part in _FOLDERS.values()]
        for path in (self._main, *(file for part in parts for file in part.rglob("*"))):
            if path.is_file():
                yield path, _stamp(path)

    def _open(self, path: Path) -> _File:
        """Return a file. Raises RecordProblem when it cannot be read, or is not as it was when the inventory was read."""
        if path not in self._files:
            try:
                raw = path.read_bytes() if path.is_file() else None
                stamp = None if raw is None else _stamp(path)
            except OSError as error:
                raise file_error(RecordProblem, path, f"cannot be read: {error.strerror}") from None
            if stamp != self._stamps.get(path):
                raise _moved_on(path)
            self._files[path] = _File(path, raw, self._vault)
        return self._files[path]

    @property
    def index(self) -> HostsTree:
        """Where hosts and groups stand in the file of hosts and groups."""
        if self._index is None:
            main = self._open(self._main)
            if main.encrypted or "plugin" in main.tree:
                why = "is encrypted as a whole" if main.encrypted else "configures an inventory plugin"
                raise RecordProblem(f"{self._main} {why}, and only plain hosts and groups in YAML are written")
            self._index = HostsTree(main.tree, self._main)
        return self._index

    def _files_of(self, kind: str, name: str) -> list[_File]:
        """Return the files of a host's or group's variables, in the order in which Ansible reads them."""
        base = self._folder / _FOLDERS[kind]
        new = self._files.get(base / f"{name}.yml")
        paths = list(_paths_of(base, name)) or ([new.path] if new is not None else [])
        return [file for file in map(self._open, paths) if not file.gone]

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
            secret: those of the paths whose values nobody may see.

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
            before = _plain_copy(there.get(variable), variable)
        found: dict[str, Any] = {variable: copied(before)}
        for path, value in parts.items():
            old = _at(before, path[1:])
            if _has_template(old):
                raise RecordProblem(
                    f'"{text_of_path(path)}" of the {kind} {name} is a template, which is not written over; change it by hand, or '
                    "leave it out of the model"
                )
            new = self._encoded(path, value, old, path in secret)
            try:
                write(found, path, new)
            except TypeError as error:
                raise RecordProblem(f"{error} of the {kind} {name}") from None
        if holder is not None:
            return lambda: holder.__setitem__(variable, found[variable])
        return lambda: self._place_for_new(kind, name).__setitem__(variable, found[variable])

    def _encoded(self, path: FieldPath, value: Any, before: Any, secret: bool) -> Any:
        was_encrypted = isinstance(before, Tagged) and before.tag == "!vault"
        if value is not None and (was_encrypted or (secret and self._vault is not None)):
            if self._vault is None:
                raise RecordProblem(
                    f'"{text_of_path(path)}" is encrypted with Ansible Vault; say where the password is with "vault_password_file"'
                )
            if not isinstance(value, str):
                raise RecordProblem(f'"{text_of_path(path)}" cannot be encrypted with Ansible Vault: it is no text')
            return Tagged("!vault", self._vault.encrypt(value))
        return _without_templates(value)

    def _definition(self, kind: str, name: str, variable: str) -> dict[str, Any] | None:
        """Return the dictionary in which a host or group defines a variable itself, of several the one that counts."""
        for file in reversed(self._files_of(kind, name)):
            if variable in file.tree:
                if file.encrypted or file.path.suffix == ".json":
                    why = "encrypted as a whole" if file.encrypted else "JSON"
                    raise RecordProblem(f'"{variable}" of the {kind} {name} is in {file.path}, which is {why} and so not changed')
                return file.tree
        return next((inline for inline in reversed(self.index.inline(kind, name)) if variable in inline), None)

    def defines(self, kind: str, name: str, variable: str) -> bool:
        """Return whether a host or group defines a variable itself. Raises RecordProblem where that is not changed."""
        return self._definition(kind, name, variable) is not None

    def _place_for_new(self, kind: str, name: str) -> dict[str, Any]:
        """Return the dictionary for a variable that a host or group does not define yet."""
        files = [file for file in self._files_of(kind, name) if not file.encrypted and file.path.suffix != ".json"]
        if files:
            return files[-1].tree
        base = self._folder / _FOLDERS[kind]
        if base.is_dir() or not self.index.has(kind, name):
            nested = (base / name).is_dir()
            file = self._open(base / name / "vars.yml" if nested else base / f"{name}.yml")
            file.gone = False
            return file.tree
        return self.index.make_inline(kind, name)

    def _removing_files(self, kind: str, name: str) -> Apply:
        files = self._files_of(kind, name)

        def apply() -> None:
            for file in files:
                file.gone = True
                file.tree = {}

        return apply

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
            if new:
                index.add_host(name, new)
            for group in left:
                index.remove_host(name, group)

        return apply

    def removing_host(self, name: str, groups: Iterable[str]) -> Apply:
        """Return what takes a host out of everything. Raises RecordProblem."""
        index = self.index
        for group in groups:
            index.check_member(name, group)
        if not index.has(HOST, name):
            index.check_member(name, UNGROUPED)
        files = self._removing_files(HOST, name)

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

    def relating(self, parent: str, before: Iterable[str], after: Iterable[str]) -> Apply:
        """Return what gives a group other child groups. Raises RecordProblem."""
        new, left, index = sorted(set(after) - set(before)), sorted(set(before) - set(after)), self.index
        for group in (parent, *new) if new else ():
            check_name(GROUP, group)
        for child in left:
            index.check_child(parent, child)

        def apply() -> None:
            for child in new:
                self.index.add_child(parent, child)
            for child in left:
                self.index.remove_child(parent, child)

        return apply

    def removing_group(self, name: str) -> Apply:
        """Return what takes a group away, though not the hosts and groups in it. Raises RecordProblem."""
        check_name(GROUP, name)
        if not self.index.has(GROUP, name):
            raise RecordProblem(f'the group "{name}" is not in {self._main}')
        files = self._removing_files(GROUP, name)

        def apply() -> None:
            self.index.remove_group(name)
            files()

        return apply

    # ------------------------------------------------------------------ keeping the changes

    def forget(self) -> None:
        """Take all changes back that were not written."""
        self._files, self._index = {}, None

    def commit(self) -> None:
        """Write what was changed: all files, or none.

        Raises:
            NothingKept: a file cannot be written, or is not as it was read; nothing was written.
            RecordProblem: a file cannot be put in its place, or removed, after others were; the next load does that.
        """
        changed = [file for file in self._files.values() if file.changed and not (file.gone and file.raw is None)]
        made = [file.path.parent for file in changed if not file.path.parent.is_dir()]
        try:
            commit(self._folder, self._prepared(changed))
        except NothingKept:
            _remove_empty(made)
            raise
        finally:
            self.forget()
        _remove_empty(file.path.parent for file in changed if file.gone and file.path.parent.name not in _FOLDERS.values())
        self._stamps = dict(self._stamped())

    def _prepared(self, changed: Sequence[_File]) -> list[FileChange]:
        """Return what is to become of files, whose directories are made. Raises NothingKept."""
        with nothing_kept((RecordError, RecordProblem)):
            with wrap_os_errors(self._main, "read"):
                usual = stat.S_IMODE(self._main.stat().st_mode)
            new = [None if file.gone else file.rendered() for file in changed]
            for file in changed:
                if _bytes_of(file.path) != file.raw:
                    raise _moved_on(file.path)
                with wrap_os_errors(file.path, "written"):
                    file.path.parent.mkdir(exist_ok=True)
        paired = [(file, one) for file, one in zip(changed, new) if one is not None] + [
            (file, None) for file in changed if file.gone
        ]
        return [FileChange(file.path, digest_of(file.raw), one, usual) for file, one in paired]


def _all_of(todo: Sequence[Apply]) -> Apply:
    def apply() -> None:
        for one in todo:
            one()

    return apply


def _paths_of(base: Path, name: str) -> Iterator[Path]:
    """Yield the files of variables that Ansible reads for a name."""
    for end in _ENDS:
        path = base / f"{name}{end}"
        if path.is_dir():
            yield from _files_in(path)
            return
        if path.is_file():
            yield path
            return


def _files_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _files_in(path)
        elif path.is_file() and path.suffix in _ENDS:
            yield path


def _stamp(path: Path) -> tuple[int, ...]:
    there = path.stat()
    return there.st_ino, there.st_size, there.st_mtime_ns


def _moved_on(path: Path) -> RecordProblem:
    return file_error(RecordProblem, path, "was changed by somebody else since it was read; nothing was written, so run this again")


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove directories that have nothing in them."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


# ---------------------------------------------------------------------- values


def copied(value: Any) -> Any:
    """Return a copy in which no list or dictionary is shared with the original, or is there twice."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def _plain_copy(value: Any, variable: str) -> Any:
    """Return a copy of a variable's value that is to be written at a host, of which not all may be known."""
    if isinstance(value, dict):
        return {key: _plain_copy(item, variable) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_copy(item, variable) for item in value]
    if value is not None and not isinstance(value, (str, int, float)):
        raise RecordProblem(f'"{variable}" is defined for a group and has a value of Ansible Vault in it, so it cannot be copied')
    if isinstance(value, str) and _TEMPLATE.search(value):
        raise RecordProblem(f'"{variable}" is defined for a group and has a template in it, so it cannot be copied')
    return value


def _has_template(value: Any) -> bool:
    """Return whether Ansible evaluates a value of a file, or something in it."""
    if isinstance(value, dict):
        return any(map(_has_template, value.values()))
    if isinstance(value, list):
        return any(map(_has_template, value))
    return isinstance(value, str) and _TEMPLATE.search(value) is not None


def _at(value: Any, path: FieldPath) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _without_templates(value: Any) -> Any:
    """Return a value for YAML in which Ansible never evaluates a text, whoever wrote it."""
    if isinstance(value, dict):
        return {key: _without_templates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_templates(item) for item in value]
    return Tagged("!unsafe", value) if isinstance(value, str) and _TEMPLATE.search(value) else value


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)


def _note_differences(before: dict[Any, Any], after: dict[Any, Any], way: tuple[Any, ...], edits: Edits) -> None:
    """Write down what makes one tree the other."""
    edits.removed.update((*way, key) for key in before if key not in after)
    for key, value in after.items():
        if key not in before:
            new = (*way, key)
            edits.added[new] = (value, True)
        elif isinstance(value, dict) and isinstance(before[key], dict) and value and before[key]:
            _note_differences(before[key], value, (*way, key), edits)
        elif not _same(before[key], value):
            edits.changed.setdefault(way, {})[(key,)] = value
