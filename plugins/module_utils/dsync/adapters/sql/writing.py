# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Writing rows: the statements for batches, and their transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ...exceptions import NothingKept, RecordProblem
from .database import Database, is_lost
from .fits import ROUNDING
from .tables import Relation, rows_of, unpadded

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection, NestedTransaction

_T = TypeVar("_T")
_P = TypeVar("_P")

_KEY, _NEW, _OLD = "key {}", "new {}", "old {}"
"""What the values of a statement are called: of the n-th column of a key, and of the n-th column that is set, new and old."""

Row = dict[str, Any]
"""Column → value."""


class Change(NamedTuple):
    """A row to change.

    Attributes:
        key: values of the key's columns as they are.
        row: column → new value.
        record: the row as it was read.
        checked: columns, in addition to those of ``row``, that must still have the values that were read.
    """

    key: tuple[Any, ...]
    row: Row
    record: Mapping[str, Any]
    checked: tuple[str, ...] = ()


# ---------------------------------------------------------------------- statements


class NotAllThere(Exception):
    """Some of the rows that were written in one batch are not found again, so they have to be written one by one."""


def insert(connection: Connection, relation: Relation, rows: Sequence[Row], upsert: bool, singly: bool) -> list[Row]:
    """Insert rows, and return them with the values that the database gave them.

    Args:
        upsert: whether a row of the same key that is there already is changed instead.
        singly: row by row.

    Raises:
        NotAllThere: not ``singly``, and it is unknown which of the returned rows is which.
        RecordProblem: ``upsert``, and the values are of no key.
        sqlalchemy.exc.SQLAlchemyError: a row is refused.
    """
    made: list[Row] = [{}] * len(rows)
    for names, places in _alike(rows).items():
        chosen = [rows[place] for place in places]
        for place, row, more in zip(places, chosen, _inserted(connection, relation, names, chosen, upsert, singly)):
            made[place] = {**row, **more}
    return unpadded(made, relation.padded)


def read_back(connection: Connection, relation: Relation, rows: Sequence[Row], names: Iterable[str]) -> list[Row]:
    """Return rows as the database has them now: triggers and the types of columns may have altered what was written.

    Args:
        connection: that they were written with.
        relation: where they are.
        rows: as they were written, with their keys; one that is not found by its key comes back as it is.
        names: the columns to look at.
    """
    import sqlalchemy as sa

    keys = unpadded([{name: row.get(name) for name in relation.key} for row in rows], relation.padded)
    wanted = [tuple(key.values()) for key in keys]
    known = [key for key in dict.fromkeys(wanted) if key and None not in key]
    if not known:
        return [*rows]
    columns = [relation.rows_of_table.c[name] for name in dict.fromkeys((*relation.key, *names))]
    found = unpadded(rows_of(connection.execute(sa.select(*columns).where(_one_of(relation, known)))), relation.padded)
    there = {tuple(row[name] for name in relation.key): row for row in found}
    return [{**row, **there.get(key, {})} for key, row in zip(wanted, rows)]


def _inserted(
    connection: Connection, relation: Relation, names: tuple[str, ...], rows: list[Row], upsert: bool, singly: bool
) -> Sequence[Row]:
    """Insert rows of the same columns, and return, for each, the columns that it was not given."""
    statement = _upsert(connection, relation, names) if upsert else relation.rows_of_table.insert()
    others = [column for column in relation.rows_of_table.columns if column.name not in names]
    if not others:
        connection.execute(statement, rows)
        return [{}] * len(rows)
    if not connection.dialect.insert_executemany_returning:
        keys = (connection.execute(statement, row).inserted_primary_key for row in rows)
        return [{} if key is None else dict(key._mapping) for key in keys]
    identifying = () if singly else _identifying(relation, names, rows)
    if not identifying:
        statement = statement.returning(*others)
        return [dict(connection.execute(statement, row).one()._mapping) for row in rows]
    statement = statement.returning(*(relation.rows_of_table.c[name] for name in identifying), *others)
    found = {tuple(row[: len(identifying)]): row[len(identifying) :] for row in connection.execute(statement, rows)}
    columns = [column.name for column in others]
    try:
        return [dict(zip(columns, found[tuple(row[name] for name in identifying)])) for row in rows]
    except KeyError:
        raise NotAllThere from None


def _identifying(relation: Relation, names: Sequence[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """Return columns whose values distinguish some rows from one another; empty if there are none."""
    exact = [name for name in names if name not in relation.padded]
    simple = tuple(name for name in exact if all(row[name].__class__ in (str, int) for row in rows))
    for columns in (relation.key, *relation.uniques, simple):
        if columns and set(columns) <= set(simple) and len({tuple(row[name] for name in columns) for row in rows}) == len(rows):
            return columns
    return ()


def _upsert(connection: Connection, relation: Relation, names: tuple[str, ...]) -> Any:
    possible = (key for key in (relation.key, *relation.uniques) if not (key in relation.rules and relation.rules[key].deferrable))
    keys = [key for key in possible if key and set(key) <= set(names)]
    if not keys:
        raise RecordProblem(f"{relation.title} has no primary key or unique constraint over what is written, as upsert needs")
    changed = [name for name in names if name not in keys[0]] or list(names)
    if connection.dialect.name in ("mysql", "mariadb"):
        from sqlalchemy.dialects import mysql

        statement = mysql.insert(relation.table)  # type: ignore[arg-type]  # a relation that is written is a table
        return statement.on_duplicate_key_update({name: statement.inserted[name] for name in changed})
    from sqlalchemy.dialects import postgresql, sqlite

    made: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(relation.table)
    return made.on_conflict_do_update(index_elements=list(keys[0]), set_={name: made.excluded[name] for name in changed})


def update(connection: Connection, relation: Relation, changes: Sequence[Change], singly: bool) -> list[Exception | None]:
    """Change rows, and return for each None, or that it is not there, or not as it was read.

    Args:
        singly: row by row, which shows the rows that do not exist.

    Raises:
        NotAllThere: not ``singly``, and a row is not there, or not as it was read.
        sqlalchemy.exc.SQLAlchemyError: a change is refused.
    """
    results: list[Exception | None] = [None] * len(changes)
    olds = [_old_values(relation, change) for change in changes]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, (change, old) in enumerate(zip(changes, olds)):
        groups.setdefault((tuple(change.row), tuple(old)), []).append(place)
    for (names, checked), places in groups.items():
        statement = _update(relation, names, checked)
        parameters = [_parameters(changes[place], olds[place]) for place in places]
        if not singly:
            _check_count(_written(connection, relation, statement, parameters), len(places))
            continue
        for place, one in zip(places, parameters):
            if not _written(connection, relation, statement, [one]):
                results[place] = _gone_or_changed(connection, relation, changes[place].key)
    return results


def _written(connection: Connection, relation: Relation, statement: Any, parameters: Sequence[Mapping[str, Any]] = ({},)) -> int:
    """Change or delete rows, and return how many there were."""
    import sqlalchemy as sa

    if relation.counted:
        return connection.execute(statement, parameters).rowcount
    asked = sa.select(sa.func.count()).select_from(relation.rows_of_table).where(statement.whereclause)
    found = sum(connection.execute(asked, one).scalar_one() for one in parameters)
    connection.execute(statement, parameters)
    return found


def _old_values(relation: Relation, change: Change) -> Row:
    """Return the columns that are changed with what was read in them, as far as a database surely finds equal what it returned."""
    import sqlalchemy as sa

    def is_comparable(name: str, value: Any) -> bool:
        column = relation.rows_of_table.c[name]
        loose = ROUNDING in column.info  # SQLite compares such values as they are
        if value is None:
            return loose or isinstance(column.type, (sa.String, sa.Integer, sa.DateTime, sa.Date, sa.Boolean))
        if value.__class__ is bool:
            return isinstance(column.type, sa.Boolean)
        return value.__class__ in (str, int) and (loose or isinstance(column.type, (sa.String, sa.Integer)))

    names = dict.fromkeys((*change.row, *change.checked))
    there = {name: change.record[name] for name in names if name in change.record and name not in relation.padded}
    return {name: value for name, value in there.items() if is_comparable(name, value)}


def _gone_or_changed(connection: Connection, relation: Relation, key: tuple[Any, ...]) -> RecordProblem:
    import sqlalchemy as sa

    if connection.execute(sa.select(sa.literal(1)).where(_one_of(relation, [key]))).first() is None:
        return _gone(relation)
    return RecordProblem(
        f"{relation.title}: the row was changed by someone else after it was read, so it was not written; run the task again"
    )


def _update(relation: Relation, names: tuple[str, ...], checked: tuple[str, ...]) -> Any:
    import sqlalchemy as sa

    keys = (relation.rows_of_table.c[name] == sa.bindparam(_KEY.format(number)) for number, name in enumerate(relation.key))
    new: dict[Any, Any] = {relation.rows_of_table.c[name]: sa.bindparam(_NEW.format(number)) for number, name in enumerate(names)}
    columns = (relation.rows_of_table.c[name] for name in checked)
    olds = (
        column.is_not_distinct_from(sa.bindparam(_OLD.format(number), type_=column.type)) for number, column in enumerate(columns)
    )
    return relation.rows_of_table.update().where(*keys, *olds).values(new)


def _parameters(change: Change, old: Row) -> dict[str, Any]:
    keys = {_KEY.format(number): value for number, value in enumerate(change.key)}
    olds = {_OLD.format(number): value for number, value in enumerate(old.values())}
    return {**keys, **olds, **{_NEW.format(number): value for number, value in enumerate(change.row.values())}}


def delete(connection: Connection, relation: Relation, keys: Sequence[tuple[Any, ...]], singly: bool) -> list[Exception | None]:
    """Delete rows, and return for each None, or that it is not there; otherwise as :func:`update`."""
    statement = relation.rows_of_table.delete()
    if not singly:
        _check_count(_written(connection, relation, statement.where(_one_of(relation, keys))), len(keys))
        return [None] * len(keys)
    counts = [_written(connection, relation, statement.where(_one_of(relation, [key]))) for key in keys]
    return [None if count else _gone(relation) for count in counts]


def _check_count(count: int, wanted: int) -> None:
    if count != wanted:
        raise NotAllThere


def _one_of(relation: Relation, keys: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    return one_of([relation.rows_of_table.c[name] for name in relation.key], keys)


def one_of(columns: Sequence[Column[Any]], keys: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return the clause for rows whose columns have one of these tuples of values, of which there is at least one."""
    import sqlalchemy as sa

    return columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)


def held(connection: Connection, relation: Relation, key: tuple[Any, ...], column: str) -> Any:
    """Return what a column of one row holds now, locked until the transaction ends. Raises RecordProblem when it is not there."""
    import sqlalchemy as sa

    statement = sa.select(relation.rows_of_table.c[column]).where(_one_of(relation, [key])).with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise _gone(relation)
    return row[0]


def _gone(relation: Relation) -> RecordProblem:
    return RecordProblem(f"{relation.title}: the row is no longer there")


def _alike(rows: Sequence[Row]) -> dict[tuple[str, ...], list[int]]:
    """Return columns → positions of the rows that have these."""
    found: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(tuple(row), []).append(place)
    return found


# ---------------------------------------------------------------------- transactions

Work = Callable[["Connection"], Sequence[Any]]
"""Makes changes, and returns for each what came of it, or an exception."""


class Alone:
    """Each batch of changes in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def connection(self) -> Connection | None:
        """The connection with uncommitted changes; None, because there are none between two batches."""
        return None

    def run(self, work: Work, what: str, hidden: Collection[str]) -> Sequence[Any]:
        """Make changes and keep them; when it raises, nothing was done.

        Args:
            work: makes them.
            what: of which the sentence is when they are refused.
            hidden: strings that no sentence may contain.

        Raises:
            RecordProblem: they are refused.
            TransientError: they may not be, another time.
        """
        import sqlalchemy as sa

        with contextlib.closing(self._database.connect(writing=True)) as connection:
            try:
                results = work(connection)
            except sa.exc.SQLAlchemyError as error:
                raise self._database.problem(error, what, hidden, passing=True) from None
            try:
                connection.commit()
            except sa.exc.SQLAlchemyError as error:
                problem = self._database.problem(error, what, hidden, passing=True)
                if not is_lost(error):
                    raise problem from None
                unsure = f"{problem}; this was while it was being made permanent, so look whether it is"
                return [RecordProblem(unsure, maybe=True)] * len(results)
        return results

    def commit(self) -> None:
        """Nothing is left to be done."""

    def roll_back(self) -> None:
        """Nothing can be rolled back."""


class Together:
    """All changes of a run in one transaction.

    It begins with the first change, and ends at once when that fails, so that nothing stays open behind a run that did nothing.
    When the database gives it up half-way, what comes later is refused: it would be kept without what came before.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._any = False
        self._lost = ""

    @property
    def connection(self) -> Connection | None:
        """The connection with uncommitted changes; None if there are none."""
        return self._connection

    def run(self, work: Work, what: str, hidden: Collection[str]) -> Sequence[Any]:
        """Make changes, to be kept later; otherwise as :meth:`Alone.run`."""
        if self._lost:
            raise RecordProblem(self._lost)
        if self._connection is None:
            self._connection = self._database.connect(writing=True)
        point: NestedTransaction | None = None
        try:
            point = self._connection.begin_nested()
            results = work(self._connection)
            point.commit()
        except BaseException as error:
            intact = self._rolled_back(point)
            raised = self._translate(error, what, hidden, intact)
            if not intact and self._any:
                self._lost = f"{what}: the transaction is lost, and with it all that was done before in this run: {raised}"
            if not intact or not self._any:
                self._end()
            raise raised from None
        self._any = self._any or any(not isinstance(result, Exception) for result in results)
        if not self._any:
            self._end()
        return results

    def _rolled_back(self, point: NestedTransaction | None) -> bool:
        """Undo what was done since a savepoint, and return whether the transaction is intact."""
        import sqlalchemy as sa

        if point is None or self._connection is None:
            return False
        try:
            point.rollback()
        except sa.exc.SQLAlchemyError:
            return False
        return not self._connection.invalidated

    def _translate(self, error: BaseException, what: str, hidden: Collection[str], intact: bool) -> BaseException:
        import sqlalchemy as sa

        if not isinstance(error, sa.exc.SQLAlchemyError):
            return error
        return self._database.problem(error, what, hidden, passing=intact or not self._any)

    def commit(self) -> None:
        """Keep what was done.

        Raises:
            NothingKept: nothing of it was kept.
            RecordProblem: the connection was lost meanwhile, so that it may have been kept.
        """
        import sqlalchemy as sa

        connection, lost = self._connection, self._lost
        try:
            if lost:
                raise NothingKept(lost)
            if connection is not None:
                connection.commit()
        except sa.exc.SQLAlchemyError as error:
            problem = self._database.problem(error, self._database.shown)
            if not is_lost(error):
                raise NothingKept(str(problem)) from None
            unsure = f"{problem}; this was while the changes were being made permanent, so look whether they are"
            raise RecordProblem(unsure, maybe=True) from None
        finally:
            self.roll_back()

    def roll_back(self) -> None:
        """Roll back what was done, and has not been kept."""
        self._any, self._lost = False, ""
        self._end()

    def _end(self) -> None:
        """Close the connection; what it has not kept is gone, whatever it says."""
        import sqlalchemy as sa

        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except sa.exc.SQLAlchemyError:
            connection.invalidate()


def prepared(records: Sequence[_T], prepare: Callable[[_T], _P]) -> tuple[list[_P], list[Exception | None]]:
    """Return what ``prepare`` returns for records, and a list in which those for which it raises RecordProblem have that."""
    ready: list[_P] = []
    results: list[Exception | None] = []
    for record in records:
        try:
            ready.append(prepare(record))
            results.append(None)
        except RecordProblem as problem:
            results.append(problem)
    return ready, results


def filled(results: Sequence[Exception | None], made: Iterable[Any]) -> list[Any]:
    """Return the results, what was made in the places of those without a problem."""
    rest = iter(made)
    return [next(rest) if problem is None else problem for problem in results]


def written_columns(rows: Iterable[Row]) -> list[str]:
    """Return the columns that some rows have."""
    return [*dict.fromkeys(name for row in rows for name in row)]
