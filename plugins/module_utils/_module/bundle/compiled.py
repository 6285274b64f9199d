# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the compiled code of this collection on the managed node, so that only the first task there compiles it.

It is kept in one file, below the directory in which Ansible keeps the temporary files of the user. Whoever can write this file can
run code as that user, as with the files of Ansible beside it. So it is used only if it belongs to that user, and if nobody else may
read or write it (docs/decisions/0014).
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

FOLDER = "dsync-compiled"
"""The directory of the file. It bears the id of the user as well, since users may share the directory of temporary files."""

LONGEST = 64 * 1024 * 1024
"""The largest file in bytes that is read."""

CHECKSUM_BYTES = 4

if TYPE_CHECKING:
    Modules = dict[str, tuple[bytes, bytes]]
    """Name of a module → its digest and its code."""


class CompiledModules:
    """The compiled code of modules: what earlier tasks have kept, and what this process compiles.

    Args:
        folder: the directory in which the file is; None to keep nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = folder and folder / _file_name()
        self._kept = _read(self._file) if self._file else {}
        self._new: Modules = {}

    def code(self, name: str, source: bytes, path: str) -> CodeType:
        """Return the code of a module, compiled from ``source`` unless the same code of the same ``path`` was kept.

        Raises:
            SyntaxError: the source is not valid for this version of Python.
        """
        digest = hashlib.sha256(b"\0".join((os.fsencode(path), source))).digest()
        known, code = self._kept.get(name, (b"", b""))
        if known == digest:
            found: CodeType = marshal.loads(code)
            return found
        compiled = compile(source, path, "exec", dont_inherit=True)
        if self._file:
            self._new[name] = digest, marshal.dumps(compiled)
        return compiled

    def keep(self) -> None:
        """Write what this process has compiled, if that is possible and Python is not told to write no bytecode."""
        if not self._file or not self._new or sys.dont_write_bytecode:
            return
        content = marshal.dumps({**self._kept, **self._new})
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_private(self._file.parent.lstat(), stat.S_ISDIR):
                _replace(self._file, _checksum(content) + content)


def directory_in(temporary: str | None) -> Path | None:
    """Return the directory of the file below Ansible's directory of temporary files, such as ``~/.ansible/tmp``.

    Returns:
        None if that directory is unknown or relative.
    """
    folder = Path(os.path.expandvars(temporary or ""))
    with suppress(RuntimeError):  # a user without a home directory
        folder = folder.expanduser()
    return folder / f"{FOLDER}-{os.geteuid()}" if folder.is_absolute() else None


def _file_name() -> str:
    """Return a name that differs for interpreters that cannot run each other's code."""
    return f"{sys.implementation.cache_tag}-{MAGIC_NUMBER.hex()}-{sys.flags.optimize}.bin"


def _read(file: Path) -> Modules:
    """Return what was kept; nothing if the file is damaged, or if its owner or its permissions are wrong."""
    try:
        if not _is_private(file.parent.lstat(), stat.S_ISDIR):
            return {}
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:  # noqa: PTH123  # not a link
            status = os.fstat(stream.fileno())
            if not _is_private(status, stat.S_ISREG) or status.st_size > LONGEST:
                return {}
            found = stream.read()
    except OSError:
        return {}
    checksum, content = found[:CHECKSUM_BYTES], found[CHECKSUM_BYTES:]
    kept: Modules = marshal.loads(content) if _checksum(content) == checksum else {}
    return kept


def _checksum(content: bytes) -> bytes:
    """Return what shows that a file was damaged, for example by a full disk."""
    return zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "big")


def _is_private(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Return whether a file or directory is of the expected kind, belongs to the user, and nobody else may read or write it."""
    return is_kind(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _replace(file: Path, content: bytes) -> None:
    """Write a file that only the user may read; another process finds the old content or the new."""
    descriptor, name = tempfile.mkstemp(dir=file.parent)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123  # a descriptor, not a path
            stream.write(content)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
