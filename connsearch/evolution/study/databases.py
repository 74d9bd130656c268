"""Studies in databases: SQLite, and the servers that SQLAlchemy speaks with."""

from __future__ import annotations

import time
from random import uniform
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage

from connsearch.errors import SettingsError
from connsearch.evolution.study.address import ALLOWED, file_of, hidden, scrubbed
from connsearch.evolution.study.patience import PATIENCE, StorageError, is_damage, may_pass, reason
from connsearch.evolution.study.sqlite import SqliteError, examine, read_only

_VERSIONS = ("version_info", "alembic_version")
"""Tables with one row, which Optuna writes where it is missing."""


def open_database(url: str, *, reading: bool, seconds: float) -> BaseStorage:
    """Returns the storage in a database.

    Args:
        url: of the database; its keys are checked.
        reading: nothing is written or created.
        seconds: for which one that refused is retried; how long the first refusal took does not
            count, as on a busy machine that may be longer.

    Raises:
        SettingsError: no such kind, or its driver is not installed.
        StorageError: it cannot be reached, does not exist, or is damaged.
    """
    try:
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        end: float | None = None
        while True:
            try:
                return optuna.storages.get_storage(_database(url, reading=reading))
            except ArgumentError:
                raise SettingsError(
                    f"{hidden(url)}: is not a storage\n  allowed: {ALLOWED}"
                ) from None
            except SqliteError as error:
                raise StorageError(f"{hidden(url)}: {error}") from None
            except (SQLAlchemyError, StorageInternalError, AssertionError) as error:
                # Several workers may be making its tables at the same moment.
                odd = isinstance(error, AssertionError) or not may_pass(error)
                lasts = is_damage(error) or (reading and odd)
                end = time.monotonic() + seconds if end is None else end
                if lasts or time.monotonic() > end:
                    raise StorageError(
                        f"{hidden(url)}: cannot be opened: {reason(error, url)}"
                    ) from None
                time.sleep(uniform(0.05, 0.5))
            except RuntimeError as error:  # made by another version of Optuna
                raise StorageError(f"{hidden(url)}: {reason(error, url)}") from None
            except (ValueError, TypeError) as error:  # a driver refuses a part of the URL
                raise SettingsError(
                    f"{hidden(url)}: cannot be used: {scrubbed(str(error), url)}"
                ) from None
    except ImportError as error:
        raise SettingsError(
            f"{hidden(url)}: its driver is not installed ({scrubbed(str(error), url)})\n"
            "  cure: for PostgreSQL pip install connsearch[postgresql] and "
            "postgresql+psycopg://..., for MySQL pymysql and mysql+pymysql://..."
        ) from None


def _database(url: str, *, reading: bool) -> optuna.storages.RDBStorage:
    """The database of a URL; Optuna would take braces in a password for a template of its own."""
    literal = url.replace("{", "{{").replace("}", "}}")
    if not url.startswith("sqlite"):
        settings: dict[str, Any] = {"pool_pre_ping": True}
        if reading:
            return _tables_as_they_are(literal, url, settings)
        return optuna.storages.RDBStorage(literal, engine_kwargs=settings)
    file = file_of(url)
    if file is not None:
        examine(file, must_exist=reading)
    if reading and file is not None:
        return _tables_as_they_are(literal, url, {"creator": read_only(file)})
    settings = {"connect_args": {"timeout": PATIENCE}}
    storage = optuna.storages.RDBStorage(literal, engine_kwargs=settings)
    _lock_early(storage.engine)
    return storage


def _tables_as_they_are(
    literal: str, url: str, settings: dict[str, Any]
) -> optuna.storages.RDBStorage:
    """A database in which nothing is created and nothing written.

    Optuna records its version if it finds none, and creates tables itself: so both are looked
    for first, and transactions are read-only if the server supports it.
    """
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(url, **settings)
    try:
        missing = {"studies", "trials", *_VERSIONS} - set(inspect(engine).get_table_names())
        if not missing:
            with engine.connect() as connection:
                missing = {
                    name
                    for name in _VERSIONS
                    if connection.execute(text(f"SELECT 1 FROM {name}")).first() is None
                }
    finally:
        engine.dispose()
    if missing:
        raise StorageError(f"{hidden(url)}: contains no study, and reading does not create one")
    storage = optuna.storages.RDBStorage(literal, engine_kwargs=settings, skip_table_creation=True)
    if storage.engine.dialect.name == "postgresql":
        _only_read(storage.engine)
    return storage


def _only_read(engine: Any) -> None:
    """Makes the server refuse every write."""
    from sqlalchemy import event

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    event.listen(engine, "begin", begun)


def _lock_early(engine: Any) -> None:
    """Lets SQLite take its lock where a transaction begins, not where it first writes.

    Otherwise two workers read that a trial waits, and then both take it.
    """
    from sqlalchemy import event

    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    engine.dispose()
