# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table in PostgreSQL by which several tasks, perhaps on several machines, divide the shards of one comparison.

Each row is a shard. A task that compares it holds a lock on the row meanwhile, which the database releases if the task is killed;
the shard is then free for others. The answer consists of names of objects, digests and numbers, and of no values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...dsync.adapters.sql.database import Database
from ...dsync.adapters.sql.options import SqlOptions
from ...dsync.exceptions import DefinitionError
from ...dsync.shards.messages import Question, Task
from ..argspec import SIDES
from ..errors import TaskFailure
from ..masking import masked

if TYPE_CHECKING:
    from sqlalchemy import Connection

STORE = "shard_store"

_KIND = "postgresql"

_TABLE = "dsync_shards"

_CREATE = (
    f"SELECT pg_advisory_xact_lock(hashtext('{_TABLE}'))",  # two tasks that create a table at once would both fail
    f"CREATE TABLE IF NOT EXISTS {_TABLE} (run text, comparison text, shard integer, answer text, "
    "PRIMARY KEY (run, comparison, shard))",
)
_ADD = (
    f"INSERT INTO {_TABLE} (run, comparison, shard) SELECT :run, :comparison, number FROM generate_series(0, :last) AS number "
    "ON CONFLICT DO NOTHING"
)
_CLAIM = (
    f"SELECT shard FROM {_TABLE} WHERE run = :run AND comparison = :comparison AND answer IS NULL ORDER BY shard LIMIT 1 "
    "FOR UPDATE SKIP LOCKED"
)
_KEEP = f"UPDATE {_TABLE} SET answer = :answer WHERE run = :run AND comparison = :comparison AND shard = :shard"
_READ = f"SELECT shard, answer FROM {_TABLE} WHERE run = :run AND comparison = :comparison AND answer IS NOT NULL"
_CLEAR = f"DELETE FROM {_TABLE} WHERE run = :run"

_COMPARED = ("models", "top_level", "flags", "prune", "shards")
"""The arguments, besides both datasets, of which tasks that share answers have the same values."""


class ShardStore:
    """The shards of one comparison.

    Args:
        params: the task's arguments, of which ``shard_store`` is set.

    Attributes:
        run: the name of the run whose tasks share answers.
        shards: how many shards there are.

    Raises:
        TaskFailure: an argument is wrong.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        given = params[STORE]
        self.run, self.shards = given["run"], params["shards"]
        kind = given["url"].partition(":")[0].partition("+")[0]
        if kind != _KIND:
            raise TaskFailure(
                f"{STORE}.url: the store is a database of PostgreSQL, such as postgresql://dsync@db/dsync, not of {kind}."
            )
        options = {name: given[name] for name in ("url", "username", "password") if given[name] is not None}
        try:
            self._database = Database(SqlOptions.read(options, STORE))
        except DefinitionError as error:
            raise TaskFailure(f"{STORE}.{str(error).removeprefix('options.')}") from error
        self._same = {"run": self.run, "comparison": _digest_of_comparison(params)}

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = self._database.connect(writing=True)
        try:
            with self._database.wrap_errors(f"{STORE} {self._database.shown}"):
                yield connection
                connection.commit()
        finally:
            connection.close()

    def _execute(self, connection: Connection, statement: str, **values: Any) -> Any:
        import sqlalchemy as sa

        return connection.execute(sa.text(statement), values)

    def prepare(self) -> None:
        """Create the table, unless it exists, and the rows of all shards. Raises RecordProblem."""
        with self._connected() as connection:
            for statement in _CREATE:
                self._execute(connection, statement)
            self._execute(connection, _ADD, **self._same, last=self.shards - 1)

    def compare_next(self, compare: Callable[[int], str]) -> int | None:
        """Have a shard compared that nobody has compared and nobody compares now, and keep the answer.

        Args:
            compare: returns the answer for the number of a shard; if it raises, nothing is kept.

        Returns:
            The number of the shard; None if there is none.

        Raises:
            RecordProblem: the database cannot be used.
        """
        with self._connected() as connection:
            shard: int | None = self._execute(connection, _CLAIM, **self._same).scalar()
            if shard is not None:
                self._execute(connection, _KEEP, **self._same, shard=shard, answer=compare(shard))
        return shard

    def answers(self) -> dict[int, str]:
        """Return shard → answer of those that are compared. Raises RecordProblem."""
        self.prepare()
        with self._connected() as connection:
            return dict(self._execute(connection, _READ, **self._same).all())

    def clear(self) -> None:
        """Remove all answers of the run. Raises RecordProblem."""
        with self._connected() as connection:
            self._execute(connection, _CLEAR, run=self.run)


def _digest_of_comparison(params: Mapping[str, Any]) -> str:
    """Return a digest of what decides about an answer, so that no task takes an answer for another comparison."""
    sides = [{**params[side], "secrets": None, "options": masked(params[side]["options"])} for side in SIDES]
    content = json.dumps([sides, {name: params[name] for name in _COMPARED}], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


class StoredAnswers(Executor):
    """Gives the answers of a store, and has all other tasks run by another executor.

    Args:
        answers: shard → answer.
        make: returns the other executor, if there is a task for it.
    """

    def __init__(self, answers: Mapping[int, str], make: Callable[[], Executor]) -> None:
        self._answers, self._make = answers, make
        self._other: Executor | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the answer to a task if it is in the store, as it is if nothing more is asked than which trees differ."""
        task = Task.of_text(*args)
        if task.question == Question() and task.number in self._answers:
            future: Future[Any] = Future()
            future.set_result(self._answers[task.number])
            return future
        if self._other is None:
            self._other = self._make()
        return self._other.submit(fn, *args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the other executor down."""
        if self._other is not None:
            self._other.shutdown(wait, cancel_futures=cancel_futures)
