# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""All files of a run are changed together, or none of them, also when the process is killed meanwhile.

The new contents are written to temporary files in the directories of the files. A manifest, a hidden file in the directory of the
dataset, lists them. It has two lines: what to do, written before the temporary files, and, once these are on the disk, the digests
of their contents. The second line is the commit: before it is on the disk no file is changed. Then the temporary files are renamed,
deleted files are removed, and the manifest is removed last.

:func:`recover` finishes what a run that was killed has left. With a complete manifest it makes the changes that are lacking,
otherwise it removes the temporary files. A manifest is trusted only for files below the directory that it is in, only if it belongs
to the user, to the owner of the directory or to root, and only while the files are as the run left them. The process that commits
holds a lock on its manifest, so that nobody takes it for a killed one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...exceptions import NothingKept, RecordError, RecordProblem
from ...storage.files import PRIVATE, check_regular, own_as, sync_directory, wrap_os_errors
from ...storage.paths import same_file

FORMAT, FORMAT_VERSION = "dsync-commit", 1

PATIENCE = 30.0
"""Seconds to wait for another process that is committing."""

_MANIFEST = re.compile(r"\.dsync-[0-9a-f]{12}\.commit")
_TEMPORARY = re.compile(r"\.dsync-[0-9a-f]{12}-[0-9]+\.tmp")


class FileChange(NamedTuple):
    """What is to become of one file.

    Attributes:
        path: the file; a link is followed, unless the file is removed.
        before: the digest of what is in it, as :func:`digest_of` returns it; None if there is no file.
        new: what it is to hold; None to remove it.
        mode: the permissions of a new file; those of one that exists are kept, with its access control list, and its owner and
            other extended attributes as far as that is allowed.
    """

    path: Path
    before: str | None
    new: bytes | None
    mode: int = PRIVATE


def digest_of(content: bytes | None) -> str | None:
    """Return the digest of what is in a file; None if there is no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def nothing_kept(kinds: tuple[type[Exception], ...] = (RecordError,)) -> Iterator[None]:
    """Turn what goes wrong before the first file is changed into NothingKept.

    Args:
        kinds: the exceptions that say so.
    """
    try:
        yield
    except kinds as error:
        raise same_file(NothingKept(str(error)), error) from None


def commit(directory: Path, changes: Sequence[FileChange]) -> None:
    """Change files, all of them or none.

    Args:
        directory: the directory that all of them are below; the one to :func:`recover` before they are read again.
        changes: what is to become of them; not changed.

    Raises:
        NothingKept: a file cannot be written; no file was changed, and nothing is left behind.
        RecordProblem: some files were changed, and one cannot be. :func:`recover` changes the rest as soon as that is possible.
    """
    if not changes:
        return
    base = Path(os.path.realpath(directory))
    with nothing_kept():
        manifest = _Manifest.begun(base, [_Step.of(base, change) for change in changes])
    try:
        with nothing_kept():
            try:
                _prepare(manifest, changes)
            except BaseException:
                manifest.roll_back()
                raise
        _finish(manifest)
    finally:
        manifest.close()


def recover(directory: Path) -> None:
    """Finish what runs that were killed have left in a directory, before files in or below it are read.

    As when a database is opened, the directory is brought to a whole state even by someone who only reads. This waits for a
    process that is committing there.

    Args:
        directory: the directory that was given to :func:`commit`.

    Raises:
        RecordProblem: it cannot be finished, or a file was changed by someone else meanwhile; no file was changed.
    """
    base = Path(os.path.realpath(directory))
    try:
        names = sorted(path.name for path in base.iterdir() if _MANIFEST.fullmatch(path.name))
    except OSError:
        return  # whoever reads the files reports it
    for name in names:
        manifest = _Manifest.found(base, base / name)
        if manifest is not None:
            try:
                _recover(manifest)
            finally:
                manifest.close()


# ---------------------------------------------------------------------- the manifest


class _Step(NamedTuple):
    """One file of a manifest.

    Attributes:
        path: the file.
        real: the same, with links followed if it is to be written.
        name: its path below the directory of the manifest.
        temporary: the name of the file with its new content, in the directory of ``real``; None to remove it.
        before: the digest of what it held; None if it did not exist.
    """

    path: Path
    real: Path
    name: str
    temporary: str | None
    before: str | None

    @classmethod
    def of(cls, base: Path, change: FileChange) -> _Step:
        """Return the step of a change. Raises RecordError for a file that is not below the directory."""
        path = Path(os.path.realpath(change.path.parent), change.path.name)
        if not path.is_relative_to(base):
            raise RecordError(
                f"{change.path} cannot be written together with other files: a link leads out of {base}; name the directory "
                f"{path.parent} itself"
            )
        temporary = None if change.new is None else ""
        return cls(path, _real(path, temporary), os.path.relpath(path, base), temporary, change.before)

    @classmethod
    def read(cls, base: Path, line: dict[str, Any]) -> _Step:
        """Return a step as a manifest has it. Raises ValueError for one that is not trusted."""
        name, temporary, before = line["name"], line["temporary"], line["before"]
        path = base / name
        inside = Path(os.path.realpath(path.parent)) == path.parent and path.is_relative_to(base) and ".." not in path.parts
        if not inside or not (temporary is None or _TEMPORARY.fullmatch(temporary)):
            raise ValueError(name)
        return cls(path, _real(path, temporary), name, temporary, before)

    @property
    def beside(self) -> Path:
        """The file with the new content."""
        return self.real.parent / (self.temporary or "")

    def line(self) -> dict[str, Any]:
        return {"name": self.name, "temporary": self.temporary, "before": self.before}


def _real(path: Path, temporary: str | None) -> Path:
    return path if temporary is None else Path(os.path.realpath(path))


class _Manifest:
    """The manifest of one commit, locked by this process.

    Attributes:
        base: the directory that it is in.
        path: the file.
        steps: the files that it lists.
        after: the digest of what each of them is to hold; None for each as long as the manifest is not complete.
    """

    def __init__(self, base: Path, path: Path, descriptor: int) -> None:
        self.base, self.path, self._descriptor = base, path, descriptor
        self._first, self._may_be_complete = b"", False
        self.steps: list[_Step] = []
        self.after: list[str | None] | None = None

    @classmethod
    def begun(cls, base: Path, steps: Sequence[_Step]) -> _Manifest:
        """Write the first line of a new manifest. Raises RecordError."""
        token = secrets.token_hex(6)
        path = base / f".dsync-{token}.commit"
        with wrap_os_errors(steps[0].path, "written"):
            made = cls(base, path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
        with contextlib.suppress(OSError):
            fcntl.flock(made._descriptor, fcntl.LOCK_EX)
        if not os.fstat(made._descriptor).st_nlink:  # somebody took it for one that was left behind, and removed it
            made.close()
            return cls.begun(base, steps)
        named = [
            step if step.temporary is None else step._replace(temporary=f".dsync-{token}-{number}.tmp")
            for number, step in enumerate(steps)
        ]
        first = json.dumps({"format": FORMAT, "version": FORMAT_VERSION, "files": [step.line() for step in named]})
        try:
            with wrap_os_errors(steps[0].path, "written"):
                made._append(f"{first}\n".encode())
        except BaseException:
            made.roll_back()
            made.close()
            raise
        made._first, made.steps = f"{first}\n".encode(), named
        return made

    @classmethod
    def found(cls, base: Path, path: Path) -> _Manifest | None:
        """Return the manifest of a process that has ended; None if it has been removed in the meantime.

        Raises:
            RecordProblem: it cannot be read, or another process is still committing.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unfinished(path, f"{path} cannot be opened: {error.strerror}") from None
        made = cls(base, path, descriptor)
        try:
            made._lock()
            there = os.fstat(descriptor)
            if not there.st_nlink:
                made.close()
                return None
            if not stat.S_ISREG(there.st_mode) or there.st_uid not in (os.geteuid(), base.stat().st_uid, 0):
                raise _unfinished(path, f"{path} belongs to another user, who should run it")
            made._read()
        except BaseException:
            made.close()
            raise
        return made

    def _lock(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise RecordProblem(f"another run is still writing the files in {self.base}; run this again later") from None
                time.sleep(0.05)
            except OSError:
                return  # a file system without locks
            else:
                return

    def _append(self, line: bytes) -> None:
        left = memoryview(line)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def _read(self) -> None:
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            lines = stream.read().splitlines(keepends=True)
        first = _parsed_line(lines[0]) if lines else None
        if first is None:
            return
        if first.get("format") != FORMAT or first.get("version") != FORMAT_VERSION:
            raise _unfinished(self.path, f"{self.path} is of another release of dsync")
        try:
            self.steps = [_Step.read(self.base, line) for line in first["files"]]
        except (KeyError, TypeError, ValueError):
            raise _unfinished(self.path, f"{self.path} names a file that is not below its directory") from None
        self._first = lines[0]
        last = _parsed_line(lines[1]) if len(lines) == 2 else None
        if last is not None and last.get("files") == digest_of(lines[0]) and len(last.get("after", ())) == len(self.steps):
            self.after = last["after"]

    def complete(self, after: list[str | None]) -> None:
        """Write the second line, and make sure that both are on the disk."""
        line = json.dumps({"files": digest_of(self._first), "after": after}).encode() + b"\n"
        self._may_be_complete = True
        with wrap_os_errors(self.path, "written"):
            self._append(line)
            os.fsync(self._descriptor)
            sync_directory(self.base)
        self.after = after

    def roll_back(self) -> None:
        """Let the changes not be made, and remove what was written for them.

        Raises:
            RecordProblem: the manifest cannot be changed, so that it may be followed later.
        """
        try:
            if self._may_be_complete:
                os.ftruncate(self._descriptor, len(self._first))
                os.fsync(self._descriptor)
        except OSError as error:
            raise _unfinished(self.path, f"{self.path} cannot be changed: {error.strerror}") from None
        for step in self.steps:
            if step.temporary is not None:
                with contextlib.suppress(OSError):
                    step.beside.unlink()
        with contextlib.suppress(OSError):
            self.remove()

    def remove(self) -> None:
        """Remove the manifest; there is nothing left to be done. Raises OSError."""
        self.path.unlink()
        sync_directory(self.base)

    def close(self) -> None:
        """Close the file, which ends the lock; doing it again does nothing."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _parsed_line(line: bytes) -> dict[str, Any] | None:
    """Return what a line of a manifest holds; None for one that is not whole."""
    try:
        parsed = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


# ---------------------------------------------------------------------- the steps


def _prepare(manifest: _Manifest, changes: Sequence[FileChange]) -> None:
    """Write all new contents next to their files and complete the manifest. Raises RecordError."""
    for step, change in zip(manifest.steps, changes):
        if change.new is not None:
            with wrap_os_errors(change.path, "written"):
                check_regular(change.path)
                _write(step, change.new, change.mode)
    for folder in {step.beside.parent for step in manifest.steps if step.temporary is not None}:
        with wrap_os_errors(folder, "written"):
            sync_directory(folder)
    manifest.complete([digest_of(change.new) for change in changes])


def _write(step: _Step, new: bytes, mode: int) -> None:
    there = None if step.before is None else step.real.stat()
    mode = mode if there is None else stat.S_IMODE(there.st_mode)
    descriptor = os.open(step.beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        if there is not None:
            own_as(descriptor, there, mode)
            _copy_attributes(step.real, descriptor)
        stream.write(new)
        stream.flush()
        os.fsync(descriptor)


_ACL = "system.posix_acl_access"


def _copy_attributes(real: Path, descriptor: int) -> None:
    """Give a new file the extended attributes of the one that it replaces: its access control list, its label of SELinux.

    Raises:
        OSError: the access control list cannot be set; without it, the mode would let others read the file.
    """
    try:
        names = os.listxattr(real) if hasattr(os, "listxattr") else []
    except OSError:  # a file system without them
        return
    for name in names:
        try:
            os.setxattr(descriptor, name, os.getxattr(real, name))
        except OSError:
            if name == _ACL:
                raise


def _finish(manifest: _Manifest) -> None:
    """Put the new files in place, remove what is to go, and then the manifest; after an error, whatever else can be done.

    Raises:
        NothingKept: the first file cannot be changed; no file was.
        RecordProblem: some files were changed, and one cannot be.
    """
    problem, changed = "", False
    for step in manifest.steps:
        try:
            _make(step)
        except RecordError as error:
            if not changed:
                manifest.roll_back()
                raise same_file(NothingKept(str(error)), error) from None
            problem = problem or str(error)
        changed = True
    if problem:
        raise _unfinished(manifest.path, problem)
    _conclude(manifest)


def _make(step: _Step) -> None:
    """Give a file its new content, or remove it. Raises RecordError."""
    with wrap_os_errors(step.path, "removed" if step.temporary is None else "written"):
        if step.temporary is not None:
            step.beside.replace(step.real)
            return
        with contextlib.suppress(FileNotFoundError):
            step.path.unlink()


def _conclude(manifest: _Manifest) -> None:
    """Make the changes of all names durable, and remove the manifest. Raises RecordProblem."""
    try:
        for folder in {step.real.parent for step in manifest.steps}:
            sync_directory(folder)
        manifest.remove()
    except OSError as error:
        raise _unfinished(manifest.path, f"{manifest.path} cannot be removed: {error.strerror}") from None


def _recover(manifest: _Manifest) -> None:
    """Do what a process left that was killed. Raises RecordProblem."""
    if manifest.after is None:
        manifest.roll_back()
        return
    left = [(step, after) for step, after in zip(manifest.steps, manifest.after) if _is_left(step)]
    if left:
        _check(manifest, zip(manifest.steps, manifest.after))
    for step, _after in left:
        try:
            _make(step)
        except RecordError as error:
            raise _unfinished(manifest.path, str(error)) from None
    _conclude(manifest)


def _is_left(step: _Step) -> bool:
    return os.path.lexists(step.path if step.temporary is None else step.beside)


def _check(manifest: _Manifest, steps: Iterable[tuple[_Step, str | None]]) -> None:
    """Check that the files were not changed by someone else in the meantime. Raises RecordProblem."""
    for step, after in steps:
        with wrap_os_errors(step.path, "read"):
            there, left = digest_of(_content(step.real)), _is_left(step)
            expected = {step.before} if left else {after}
            if there not in expected or (left and step.temporary is not None and digest_of(_content(step.beside)) != after):
                raise _unfinished(
                    manifest.path,
                    f"{step.path} was changed by someone else meanwhile; remove {manifest.path} to keep the files as they are now",
                )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _unfinished(manifest: Path, why: str) -> RecordProblem:
    sentence = f"a run has not finished writing the files in {manifest.parent}, and it cannot be finished now: {why}"
    error = RecordProblem(sentence, True)
    error.file = str(manifest.parent)
    return error
