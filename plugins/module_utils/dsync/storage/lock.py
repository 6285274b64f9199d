# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A lock file that prevents two runs against the same target. The operating system releases the lock of a dead process."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..exceptions import LibraryMissing, LockHeld
from .files import AnyPath, check_regular, replacing, wrap_os_errors
from .paths import file_error
from .provenance import now, whoami

LIBRARY = "filelock"
"""The library that locks the file; it is required only if a lock is used."""

_READABLE = 0o644
_LONGEST = 200


@contextmanager
def locked(path: AnyPath, timeout: float = 0.0, what: str = "a run of dsync") -> Iterator[None]:
    """Hold the lock on a file meanwhile.

    Args:
        path: the file, made if it is not there; it stays there. While it is held, the holder is named in a file beside it, whose
            name ends in ``.holder``.
        timeout: how many seconds to wait for another holder.
        what: the purpose of the lock, for messages to others.

    Raises:
        LockHeld: it was not free in time; the sentence names the holder.
        RecordError: the file cannot be used as a lock.
        LibraryMissing: filelock is not installed.
    """
    try:
        import filelock
    except ImportError:
        raise LibraryMissing("locking requires the Python library filelock, which is not installed", LIBRARY) from None
    with wrap_os_errors(path, "used as a lock"):
        check_regular(path)
        real = Path(os.path.realpath(path))
        real.parent.stat()  # some releases of filelock would create the directory
        lock = filelock.FileLock(real, timeout=timeout)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise file_error(LockHeld, path, _held(_holder_file(real), timeout)) from None
    try:
        with replacing(_holder_file(real), _READABLE) as stream:
            json.dump({"by": whoami(), "pid": os.getpid(), "since": now(), "what": what}, stream)
        yield
    finally:
        with contextlib.suppress(OSError):
            _holder_file(real).unlink()
        lock.release()


def _holder_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def _held(holder: Path, timeout: float) -> str:
    waited = f" after {timeout:g} seconds" if timeout else ""
    return f"is locked{waited} by {_named(holder)}; try again when it has ended, or set a longer timeout"


def _named(holder: Path) -> str:
    """Return a description of the holder of a lock, according to the file beside it."""
    try:
        with holder.open(encoding="utf-8") as stream:
            said = json.loads(stream.read(_LONGEST * 10))
        by, pid, since, what = (str(said[key])[:_LONGEST] for key in ("by", "pid", "since", "what"))
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
    return f"{what}, process {pid} of {by}, since {since}"
