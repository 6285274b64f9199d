# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A database as the adapter ``sql`` reaches it: its address, its connections, and what it says when something goes wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ..._util.redaction import Redactor, secret_strings
from ..._util.suggestions import known
from ...exceptions import DSyncException, LibraryMissing, RecordProblem, TransientError
from ...records.written import json_dumps, json_loads
from ...storage.paths import absolute, file_error
from .options import SqlOptions
from .sharding import FUNCTION, hash_of_cell

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

LIBRARY = "sqlalchemy"
"""What speaks to all databases, by way of a driver for each."""


class Kind(NamedTuple):
    """A kind of database.

    Attributes:
        driver: SQLAlchemy's name of the driver.
        package: the driver's name, as pip knows it; empty where Python has it.
        port: where a server listens if the url does not say; None where there is none.
        reading: makes the transaction at hand one that reads everything as of one moment, and writes nothing.
        timeout: sets how long a statement may take, ``:limit`` times ``unit`` seconds; empty where nothing does.
        unit: in which part of a second that is given.
        passing: codes of errors that may pass.
    """

    driver: str
    package: str
    port: int | None
    reading: str
    timeout: str
    unit: float
    passing: frozenset[Any]


_MYSQL = Kind(
    "pymysql",
    "pymysql",
    3306,
    "SET SESSION TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION max_statement_time = :limit",
    1.0,
    frozenset({1205, 1213}),
)

KINDS: dict[str, Kind] = {
    "sqlite": Kind("pysqlite", "", None, "PRAGMA query_only = ON", "", 1.0, frozenset({5, 6})),
    "postgresql": Kind(
        "psycopg",
        "psycopg[binary]",
        5432,
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "SELECT set_config('statement_timeout', CAST(:limit AS text), false)",
        0.001,
        frozenset({"40001", "40P01", "55P03"}),
    ),
    "mariadb": _MYSQL,
    "mysql": _MYSQL._replace(timeout="SET SESSION max_execution_time = :limit", unit=0.001),
}
"""Beginning of a url → the kind of database."""


class Database:
    """Where records are kept.

    Args:
        options: of the adapter.

    Attributes:
        shown: its address, as messages may hold it.
        kind: the beginning of the url.

    Raises:
        DefinitionError: an option is wrong.
        LibraryMissing: SQLAlchemy or the driver is not installed.
    """

    def __init__(self, options: SqlOptions) -> None:
        try:
            import sqlalchemy
        except ImportError:
            raise LibraryMissing("databases require the library sqlalchemy, which is not installed", LIBRARY) from None
        if int(sqlalchemy.__version__.partition(".")[0]) < 2:
            raise LibraryMissing(f"sqlalchemy 2 is needed, and {sqlalchemy.__version__} is installed", LIBRARY)
        url = _url(options)
        self.kind = url.drivername.partition("+")[0]
        self._url = url
        self._about = KINDS[self.kind]
        self._statement_timeout = options.statement_timeout
        if self._statement_timeout is not None and not self._about.timeout:
            options.wrong("statement_timeout", "SQLite has no such limit; omit it.")
        self._secrets = secret_strings([url.password, *(value for key, value in url.query.items() if "pass" in key)])
        self.shown = _shown(url, self._about.port)
        self._engine = self._made(options)

    def _made(self, options: SqlOptions) -> Engine:
        import sqlalchemy as sa

        settings: dict[str, Any] = {"json_serializer": json_dumps, "json_deserializer": json_loads}
        if self.kind == "postgresql":
            settings["native_inet_types"] = False
        try:
            engine = sa.create_engine(
                self._url,
                poolclass=sa.NullPool,
                hide_parameters=True,
                connect_args=_connect_arguments(options, self.kind),
                **settings,
            )
        except ImportError:
            package = self._about.package
            raise LibraryMissing(f"{self.kind} requires the library {package}, which is not installed", package) from None
        if self.kind == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def is_same(self, other: Database) -> bool:
        """Return whether another address is that of the same database, perhaps as another user."""
        return self._place() == other._place()

    def is_same_user(self, other: Database) -> bool:
        """Return whether a table's name means the same to both: they log in as one user, with the same settings."""
        return (self._url.username, self._url.query) == (other._url.username, other._url.query)

    def _place(self) -> tuple[Any, ...]:
        database = self._url.database
        if self.kind == "sqlite" and not self._url.query.get("uri"):
            return self.kind, str(Path(database or "").resolve())
        return self._about.driver, self._url.host, self._url.port or self._about.port, database

    # ------------------------------------------------------------------ connections

    def connect(self, writing: bool) -> Connection:
        """Return a new connection with a transaction begun on it; to be closed by the caller.

        Args:
            writing: whether anything is to be written; if not, nothing can be, and everything is read as of one moment.

        Raises:
            RecordProblem: there is no connection to be had.
            TransientError: as above, where one has been had before.
        """
        import sqlalchemy as sa

        self._check_file()
        try:
            connection = self._engine.connect()
            try:
                connection.execution_options(writing=writing)
                connection.begin()
                self._prepare(connection, writing)
            except BaseException:
                connection.close()
                raise
        except sa.exc.SQLAlchemyError as error:
            sentence = f"the database {self.shown} cannot be used: {self.message_of(error)}"
            raise (TransientError(sentence) if writing else RecordProblem(sentence)) from None
        return connection

    def _prepare(self, connection: Connection, writing: bool) -> None:
        import sqlalchemy as sa

        if not writing:
            connection.exec_driver_sql(self._about.reading)
        elif self._about.driver == "pymysql":
            connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")  # nothing is cut short
        if self._statement_timeout is not None:
            limit = self._statement_timeout / self._about.unit
            connection.execute(sa.text(self._about.timeout), {"limit": int(limit) if self._about.unit < 1 else limit})

    def _check_file(self) -> None:
        if self.kind != "sqlite" or self._url.query.get("uri"):
            return
        path = Path(self._url.database or "")
        if not path.is_file():
            raise file_error(
                RecordProblem, path, "does not exist: SQLite would make an empty database; make it with its tables first"
            )

    # ------------------------------------------------------------------ what goes wrong

    @contextmanager
    def wrap_errors(self, what: str) -> Iterator[None]:
        """Raise RecordProblem for what the database says meanwhile.

        Args:
            what: of which the sentence is, such as a table.
        """
        import sqlalchemy as sa

        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise self.problem(error, what) from None

    def problem(self, error: Exception, what: str, hidden: Collection[str] = (), passing: bool = False) -> DSyncException:
        """Return what to raise for an exception of SQLAlchemy's: a sentence without statements and parameters.

        Args:
            error: the exception.
            what: of which the sentence is.
            hidden: strings that it must not contain.
            passing: whether a transient error is reported as such.
        """
        sentence = f"{what}: {Redactor(hidden).redact(self.message_of(error))}"
        code = _code(getattr(error, "orig", None))
        return TransientError(sentence) if passing and (code in self._about.passing or is_lost(error)) else RecordProblem(sentence)

    def message_of(self, error: Exception) -> str:
        """Return the first line of what a driver said, without the password."""
        original = getattr(error, "orig", None) or error
        primary = getattr(getattr(original, "diag", None), "message_primary", None)
        if not primary:
            args = original.args
            primary = args[1] if len(args) > 1 and isinstance(args[0], int) else args[0] if args else ""
        lines = [line.strip() for line in str(primary).splitlines() if line.strip()]
        return Redactor(self._secrets).redact(lines[0] if lines else type(original).__name__)


def is_lost(error: Exception) -> bool:
    """Return whether an exception of SQLAlchemy's says that the connection is lost."""
    return bool(getattr(error, "connection_invalidated", False))


def _code(original: Any) -> Any:
    """Return the code of a driver's exception."""
    for name in ("sqlstate", "sqlite_errorcode"):
        code = getattr(original, name, None)
        if code is not None:
            return code & 0xFF if isinstance(code, int) else code
    args = getattr(original, "args", ())
    return args[0] if args and isinstance(args[0], int) else None


# ---------------------------------------------------------------------- options


def _url(options: SqlOptions) -> URL:
    """Return the url with the driver, the user's name and the password in it. Raises DefinitionError."""
    import sqlalchemy as sa

    try:
        url = sa.make_url(options.url)
    except (sa.exc.ArgumentError, ValueError):
        _no_url(options)
    kind, _plus, driver = url.drivername.partition("+")
    if kind not in KINDS:
        options.wrong("url", f'there is no kind of database "{kind}"{known(kind, KINDS)}.')
    if driver not in ("", KINDS[kind].driver):
        right = KINDS[kind].driver
        options.wrong("url", f'the driver "{driver}" is not possible here; write {kind}+{right}://, or {kind}:// alone.')
    if kind == "sqlite" and url.database in (None, "", ":memory:"):
        options.wrong("url", "it names no file; write sqlite:///cmdb.db, or sqlite:////srv/cmdb.db with a whole path.")
    if kind == "sqlite" and (options.username or options.password):
        options.wrong("username" if options.username else "password", "a file of SQLite has no users; omit it.")
    if kind != "sqlite" and not url.database:
        options.wrong("url", "it does not say which database; add its name at the end, behind a slash.")
    url = url.set(drivername=f"{kind}+{KINDS[kind].driver}")
    return url.set(
        username=options.username or url.username,
        password=options.password or url.password,
    )


def _no_url(options: SqlOptions) -> NoReturn:
    options.wrong(
        "url",
        "this is not the URL of a database; write it like sqlite:///cmdb.db or postgresql://user@host:5432/database, "
        "with %40 for an @ in a name or password.",
    )


def _shown(url: URL, port: int | None) -> str:
    if port is None:
        return url.database or ""
    return (
        type(url)
        .create(url.drivername.partition("+")[0], url.username, None, url.host or "localhost", url.port or port, url.database)
        .render_as_string()
    )


def _connect_arguments(options: SqlOptions, kind: str) -> Mapping[str, Any]:
    """Return the arguments of the driver. Raises DefinitionError."""
    timeout, ca_file = options.connect_timeout, options.ca_file
    if ca_file is not None:
        if kind == "sqlite":
            options.wrong("ca_file", "a file of SQLite is not reached through a network; omit it.")
        if not Path(ca_file).is_file():
            options.wrong("ca_file", f"{absolute(ca_file)} does not exist.", absolute(ca_file))
    if kind == "sqlite":
        return {"timeout": timeout}
    if kind == "postgresql":
        secured = {} if ca_file is None else {"sslmode": "verify-full", "sslrootcert": ca_file}
        return {"connect_timeout": max(1, round(timeout)), **secured}
    verified: dict[str, Any] = {} if ca_file is None else {"ssl_ca": ca_file, "ssl_verify_cert": True, "ssl_verify_identity": True}
    return {"connect_timeout": max(1, round(timeout)), **verified}


# ---------------------------------------------------------------------- SQLite


def _prepare_sqlite(connection: Any, record: Any) -> None:
    """Have foreign keys heeded, transactions begin and end where SQLAlchemy says so, and the function of shards known."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON").close()
    connection.create_function(FUNCTION, 1, hash_of_cell, deterministic=True)


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; one that writes waits for other writers now, since later it could only fail."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN")
