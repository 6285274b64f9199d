# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A private SQLite database in a file that only this process can open, and that is gone when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...exceptions import ObjectStoreException

_BLOCK = 2000
"""Rows that are read in one step."""

_CACHE = 8
"""Megabytes of pages that SQLite holds in memory."""

_SETTINGS = (
    "journal_mode = MEMORY",
    "synchronous = OFF",
    "locking_mode = EXCLUSIVE",
    f"cache_size = {-1024 * _CACHE}",
    "temp_store = FILE",
)
"""No file beside the database, and no waiting for the disk: what is in it is worth nothing after this process."""


class Database:
    """A database in a file without a name: it is created with the permissions 0600 in a directory of its own and unlinked at
    once, so that nothing is left of it even if the process is killed.

    Args:
        directory: where to create it; it has to exist.

    Raises:
        ObjectStoreException: it cannot be created.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        with self._errors():
            folder = Path(tempfile.mkdtemp(prefix="dsync-", dir=directory))
            path = folder / "objects"
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                weakref.finalize(self, self._connection.close)
                for setting in _SETTINGS:
                    self._connection.execute(f"PRAGMA {setting}")
                self._connection.execute("CREATE TABLE first (one)")  # opens the file
            finally:
                with contextlib.suppress(OSError):
                    path.unlink()
                folder.rmdir()

    def __reduce__(self) -> Any:
        raise TypeError("objects on disk can neither be copied nor pickled; load the dataset again, or hold it in memory")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn an error of the file into one sentence."""
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ObjectStoreException(
                f"the objects of a dataset cannot be held in a file in {self._directory}: {why}; "
                "set the environment variable TMPDIR to a directory with more room, or hold them in memory"
            ) from error

    def run(self, statement: str) -> None:
        """Run a statement without a result."""
        with self._errors():
            self._connection.execute(statement)

    def add(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of some rows, or for none of them.

        Raises:
            sqlite3.IntegrityError: a key is taken.
        """
        with self._errors():
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._errors():
            return self._connection.execute(query, values).fetchall()

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query. The tables must not be changed meanwhile."""
        for block in self.blocks(query, values):
            yield from block

    def blocks(self, query: str, values: Sequence[Any] = ()) -> Iterator[list[Any]]:
        """Yield the rows of a query in lists; all but the last one have the same length."""
        with self._errors():
            cursor = self._connection.execute(query, values)
        while True:
            with self._errors():
                block = cursor.fetchmany(_BLOCK)
            if not block:
                return
            yield block


def default_directory() -> str:
    """Return the directory for a database: ``TMPDIR``, or else /var/tmp, since /tmp is often in memory, or else what Python
    takes."""
    named = os.environ.get("TMPDIR") or "/var/tmp"
    return named if Path(named).is_dir() and os.access(named, os.W_OK) else tempfile.gettempdir()
