# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Writing files completely or not at all, and reading them with bounded memory.

Whatever goes wrong is a :class:`~.exceptions.RecordError` of one sentence that begins with the absolute path.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, TypeAlias

from ..exceptions import RecordError
from .paths import file_error

PRIVATE = 0o600
"""The default mode of files: only their owner may read them."""

LONGEST_LINE = 16 * 1024 * 1024
"""Maximum length in bytes of a line that is written or read."""

_SMALL = 4096

AnyPath: TypeAlias = "str | os.PathLike[str]"


@contextmanager
def replacing(path: AnyPath, mode: int = PRIVATE) -> Iterator[TextIO]:
    """Write a temporary file and rename it to ``path`` when it is complete and on disk.

    Args:
        path: the file; an existing file is unchanged until then, and remains if anything fails. A link is followed.
        mode: its permissions, regardless of the umask.

    Raises:
        RecordError: it cannot be written; no temporary file is left.
    """
    with wrap_os_errors(path, "written"):
        check_regular(path)
        real = Path(os.path.realpath(path))
        beside = real.parent / f".dsync-{secrets.token_hex(6)}.tmp"
        try:
            # pylint misses the clean-up, which is in _new_file and below.
            with _new_file(beside, mode) as stream:  # pylint: disable=contextmanager-generator-missing-cleanup
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(real)
        except BaseException:
            _remove(beside)
            raise
        sync_directory(real.parent)


def own_as(descriptor: int, there: os.stat_result, mode: int) -> None:
    """Set the owner and group of a file to those of another one, as far as permitted."""
    for owner, group in ((there.st_uid, there.st_gid), (-1, there.st_gid)):
        try:
            os.fchown(descriptor, owner, group)
        except OSError:
            continue
        os.fchmod(descriptor, mode)
        return


def check_writable(path: AnyPath) -> None:
    """Check that a small file can be written, by writing one beside it and removing it.

    Raises:
        RecordError: it cannot be written.
    """
    with wrap_os_errors(path, "written"):
        check_regular(path)
        beside = Path(os.path.realpath(path)).parent / f".dsync-{secrets.token_hex(6)}.tmp"
        try:
            with _new_file(beside, PRIVATE) as stream:
                stream.write(" " * _SMALL)
                stream.flush()
                os.fsync(stream.fileno())
        finally:
            _remove(beside)


def _remove(path: Path) -> None:
    """Remove a file if it exists, even if Ctrl-C is pressed in the meantime."""
    try:
        with contextlib.suppress(OSError):
            path.unlink()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


@contextmanager
def _new_file(path: Path, mode: int) -> Iterator[TextIO]:
    """Create and open a file that does not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    stream = os.fdopen(descriptor, "w", encoding="utf-8", newline="\n")
    try:
        os.fchmod(descriptor, mode)
        yield stream
    except BaseException:
        with contextlib.suppress(OSError):
            stream.close()
        raise
    stream.close()


@contextmanager
def reading(path: AnyPath) -> Iterator[BinaryIO]:
    """Open a file to be read as bytes.

    Raises:
        RecordError: it does not exist, or cannot be read.
    """
    with wrap_os_errors(path, "read"):
        check_regular(path)
        with Path(path).open("rb") as stream:
            yield stream


def lines_of(stream: BinaryIO, path: AnyPath, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield the lines of a file, each with its line end, except possibly the last one.

    Raises:
        RecordError: a line is longer than ``longest`` bytes; no more than that is held in memory.
    """
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise file_error(RecordError, path, f"cannot be used: line {number} is longer than {longest} bytes")
        yield line


@contextmanager
def wrap_os_errors(path: AnyPath, what: str) -> Iterator[None]:
    """Turn every OSError into a RecordError that reports that ``path`` cannot be read, or written, and why."""
    try:
        yield
    except OSError as error:
        raise file_error(RecordError, path, f"cannot be {what}: {_reason(error, path)}") from None
    except ValueError as error:  # a NUL in the path
        if "null" not in str(error):
            raise
        raise RecordError(f"{os.fspath(path)!r} cannot be {what}: {error}") from None


def _reason(error: OSError, path: AnyPath) -> str:
    """Return why a file cannot be used: the directory that is missing, or what the system says."""
    directory = Path(os.path.realpath(path)).parent
    if isinstance(error, FileNotFoundError) and not directory.exists():
        return f"there is no directory {directory}"
    return error.strerror or str(error)


def check_regular(path: AnyPath) -> None:
    """Raise RecordError if the path exists and is not a regular file."""
    try:
        kind = Path(path).stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(kind):
        what = "a directory" if stat.S_ISDIR(kind) else "no ordinary file"
        raise file_error(RecordError, path, f"is {what}")


def sync_directory(folder: Path) -> None:
    """Make the names in a directory durable, if the file system supports it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
