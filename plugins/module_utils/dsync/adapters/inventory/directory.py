# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The files of an inventory: the file of hosts and groups, and those of variables in ``group_vars`` and ``host_vars`` beside it.

Every file is read when something in it is to be changed, changed in memory, and written with all others at the end.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ...exceptions import RecordError, RecordProblem
from ...storage.files import wrap_os_errors
from ...storage.paths import file_error
from ..documents.commit import FileChange, commit, digest_of, nothing_kept
from .listing import GROUP, HOST
from .tree_file import TreeFile
from .vault import Vault

ENDS = ("", ".yml", ".yaml", ".json")
"""What the name of a file of variables ends with behind the name of the host or group, in the order in which Ansible looks."""

FOLDERS = {HOST: "host_vars", GROUP: "group_vars"}

Apply = Callable[[], None]
"""Makes a change of which everything that could go wrong has been looked at."""


class _Moved(NamedTuple):
    """A file beside those of variables that goes along to another directory: where to, its bytes, and its permissions."""

    target: Path
    raw: bytes
    mode: int


class Directory:
    """The files of one inventory, and what is to become of them.

    Args:
        main: the file of hosts and groups.
        vault: decrypts.
        ini: whether the file of hosts and groups is in INI.
    """

    def __init__(self, main: Path, vault: Vault, ini: bool) -> None:
        self._main, self._vault, self._path = main, vault, main.parent
        self.ini = ini
        self._stamps = dict(self._stamped())
        self.forget()

    def forget(self) -> None:
        """Forget all changes that were not written."""
        self._files: dict[Path, TreeFile] = {}
        self._made: dict[tuple[str, str], TreeFile] = {}
        self._moved: dict[Path, _Moved] = {}
        self._origins: dict[tuple[str, str], str | None] = {}

    def _stamped(self) -> Iterator[tuple[Path, tuple[int, ...]]]:
        parts = [self._path / part for part in FOLDERS.values()]
        for path in (self._main, *(file for part in parts for file in part.rglob("*"))):
            if path.is_file():
                yield path, _stamp(path)

    # ------------------------------------------------------------------ files

    def _read(self, path: Path) -> bytes:
        """Return what is in a file. Raises RecordProblem when it is not as it was when the inventory was read."""
        try:
            raw, stamp = path.read_bytes(), _stamp(path)
        except OSError as error:
            raise file_error(RecordProblem, path, f"cannot be read: {error.strerror}") from None
        if stamp != self._stamps.get(path):
            raise _moved_on(path)
        return raw

    def open(self, path: Path) -> TreeFile:
        """Return a file that is there. Raises RecordProblem when it cannot be read, or is not as it was."""
        if path not in self._files:
            self._files[path] = TreeFile(path, self._read(path), self._vault, self.ini and path == self._main)
        return self._files[path]

    def files_of(self, kind: str, name: str) -> list[TreeFile]:
        """Return the files of a host's or group's variables, in the order in which Ansible reads them. Raises RecordProblem."""
        origin = self._origins.get((kind, name), name)
        found = [] if origin is None else [self.open(path) for path in _paths_of(self._path / FOLDERS[kind], origin)]
        made = self._made.get((kind, name))
        return [file for file in (*found, *([] if made is None else [made])) if not file.gone]

    def has(self, kind: str) -> bool:
        """Return whether there is a directory for the variables of hosts, or of groups."""
        return (self._path / FOLDERS[kind]).is_dir()

    def new_path(self, kind: str, name: str) -> Path:
        """Return where a new file of variables goes. Raises RecordProblem when something is there."""
        base = self._path / FOLDERS[kind]
        path = base / name / "vars.yml" if (base / name).is_dir() else base / f"{name}.yml"
        leaving = path in self._moved or (path in self._files and self._files[path].target != path)
        if path.exists() and not leaving and not (path in self._files and self._files[path].gone):
            raise file_error(RecordProblem, path, f"is not changed, and so a new variable of the {kind} {name} has no place")
        return path

    def new_file(self, kind: str, name: str) -> TreeFile:
        """Return a new file for the variables of a host or group."""
        return self._made.setdefault((kind, name), TreeFile(self.new_path(kind, name), None, self._vault))

    # ------------------------------------------------------------------ names

    def removing(self, kind: str, name: str) -> Apply:
        """Return what removes the files of a host's or group's variables. Raises RecordProblem."""
        files = self.files_of(kind, name)

        def apply() -> None:
            for file in files:
                file.gone = True
                file.tree.clear()
            self._made.pop((kind, name), None)

        return apply

    def renaming(self, kind: str, old: str, new: str) -> Apply:
        """Return what gives the files of a host's or group's variables another name. Raises RecordProblem."""
        base, origin = self._path / FOLDERS[kind], self._origins.get((kind, old), old)
        tops = [] if origin is None else [(base / f"{origin}{end}", base / f"{new}{end}") for end in ENDS]
        vacated = self._origins.get((kind, new), new) is None
        for end in () if vacated else ENDS:
            if (base / f"{new}{end}").exists():
                raise file_error(RecordProblem, base / f"{new}{end}", f"is there already, so the {kind} {old} cannot have it")
        read = [] if origin is None else list(_paths_of(base, origin))
        files: list[tuple[TreeFile, Path]] = []
        moved: dict[Path, _Moved] = {}
        for top, target in tops:
            for path in (one for one in (top.rglob("*") if top.is_dir() else [top]) if one.is_file()):
                place = target / path.relative_to(top) if path != top else target
                if path in read:
                    files.append((self.open(path), place))
                else:
                    moved[path] = _Moved(place, self._read(path), stat.S_IMODE(path.stat().st_mode))

        def apply() -> None:
            for file, place in files:
                file.target = place
            self._moved.update(moved)
            self._origins[kind, new], self._origins[kind, old] = origin, None
            made = self._made.pop((kind, old), None)
            if made is not None:
                self._made[kind, new] = made
                made.target = made.path = self.new_path(kind, new)

        return apply

    # ------------------------------------------------------------------ keeping the changes

    def commit(self) -> None:
        """Write what was changed: all files, or none.

        Raises:
            NothingKept: a file cannot be written, or is not as it was read; nothing was written.
            RecordProblem: a file cannot be put in its place, or removed, after others were; the next load does that.
        """
        made: list[Path] = []
        try:
            with nothing_kept((RecordError, RecordProblem)):
                changes = self._changes()
                made = list(self._make_directories(change.path for change in changes if change.new is not None))
            commit(self._path, changes)
        except BaseException:
            _remove_empty(made)
            raise
        finally:
            self.forget()
        bases = {self._path / part for part in FOLDERS.values()}
        gone = [folder for change in changes if change.new is None for folder in change.path.parents if bases & {*folder.parents}]
        _remove_empty(gone)
        self._stamps = dict(self._stamped())

    def _changes(self) -> list[FileChange]:
        """Return what is to become of the files. Raises RecordError, and RecordProblem when one is not as it was read."""
        with wrap_os_errors(self._main, "read"):
            usual = stat.S_IMODE(self._main.stat().st_mode)
        changed = [file for file in (*self._files.values(), *self._made.values()) if file.changed]
        there = {file.path: file.raw for file in changed if file.raw is not None}
        there.update((path, one.raw) for path, one in self._moved.items())
        wanted: dict[Path, tuple[bytes | None, int]] = dict.fromkeys(there, (None, usual))
        wanted.update((one.target, (one.raw, one.mode)) for one in self._moved.values())
        for file in changed:
            if not file.gone:
                wanted[file.target] = file.rendered(), usual if file.raw is None else file.mode
        for path in wanted:
            if _bytes_of(path) != there.get(path):
                raise _moved_on(path)
        found = [FileChange(path, digest_of(there.get(path)), new, mode) for path, (new, mode) in wanted.items()]
        return sorted(found, key=lambda change: change.new is None)

    def _make_directories(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Make the directories of files; yield those that were not there, the innermost first."""
        for path in paths:
            new = [folder for folder in path.parents if not folder.is_dir()]
            with wrap_os_errors(path, "written"):
                path.parent.mkdir(parents=True, exist_ok=True)
            yield from new


def _paths_of(base: Path, name: str) -> Iterator[Path]:
    """Yield the files of variables that Ansible reads for a name."""
    for end in ENDS:
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
        elif path.is_file() and path.suffix in ENDS:
            yield path


def _stamp(path: Path) -> tuple[int, ...]:
    there = path.stat()
    return there.st_ino, there.st_size, there.st_mtime_ns


def _moved_on(path: Path) -> RecordProblem:
    return file_error(RecordProblem, path, "was changed by someone else after it was read; nothing was written; run the task again")


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
