# SPDX-License-Identifier: Apache-2.0
"""The PCI ID database in SQLite: a table for each model, made with the first write."""

import logging
import sqlite3
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from dsync import Diff, DSync, DSyncFlags, DSyncModel, DSyncModelFlags
from models import Device, Subsystem, Vendor

TABLES = (
    """CREATE TABLE IF NOT EXISTS vendor (
        vendor_id TEXT PRIMARY KEY,
        name TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS device (
        vendor_id TEXT NOT NULL REFERENCES vendor,
        device_id TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (vendor_id, device_id)
    )""",
    """CREATE TABLE IF NOT EXISTS subsystem (
        vendor_id TEXT NOT NULL,
        device_id TEXT NOT NULL,
        subvendor_id TEXT NOT NULL,
        subdevice_id TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (vendor_id, device_id, subvendor_id, subdevice_id),
        FOREIGN KEY (vendor_id, device_id) REFERENCES device
    )""",
)


class Row(DSyncModel):
    """An object that is a row of a table: each model says its three statements."""

    # A foreign key wants a row's children gone before the row.
    model_flags = DSyncModelFlags.NATURAL_DELETION_ORDER

    insert_sql: ClassVar[str]
    update_sql: ClassVar[str]
    delete_sql: ClassVar[str]

    @classmethod
    def create(cls, dsync: "PciSqlite", ids: dict[str, Any], attrs: dict[str, Any]) -> "Row | None":
        dsync.write(cls.insert_sql, {**ids, **attrs})
        return super().create(dsync=dsync, ids=ids, attrs=attrs)

    def update(self, attrs: dict[str, Any]) -> "Row | None":
        self.dsync.write(self.update_sql, {**self.get_identifiers(), **attrs})
        return super().update(attrs)

    def delete(self) -> "Row | None":
        self.dsync.write(self.delete_sql, self.get_identifiers())
        return super().delete()


class SqliteVendor(Row, Vendor):
    insert_sql = "INSERT INTO vendor (vendor_id, name) VALUES (:vendor_id, :name)"
    update_sql = "UPDATE vendor SET name = :name WHERE vendor_id = :vendor_id"
    delete_sql = "DELETE FROM vendor WHERE vendor_id = :vendor_id"


class SqliteDevice(Row, Device):
    insert_sql = "INSERT INTO device (vendor_id, device_id, name) VALUES (:vendor_id, :device_id, :name)"
    update_sql = "UPDATE device SET name = :name WHERE vendor_id = :vendor_id AND device_id = :device_id"
    delete_sql = "DELETE FROM device WHERE vendor_id = :vendor_id AND device_id = :device_id"


class SqliteSubsystem(Row, Subsystem):
    insert_sql = """INSERT INTO subsystem (vendor_id, device_id, subvendor_id, subdevice_id, name)
        VALUES (:vendor_id, :device_id, :subvendor_id, :subdevice_id, :name)"""
    update_sql = """UPDATE subsystem SET name = :name WHERE vendor_id = :vendor_id AND device_id = :device_id
        AND subvendor_id = :subvendor_id AND subdevice_id = :subdevice_id"""
    delete_sql = """DELETE FROM subsystem WHERE vendor_id = :vendor_id AND device_id = :device_id
        AND subvendor_id = :subvendor_id AND subdevice_id = :subdevice_id"""


class PciSqlite(DSync):
    vendor = SqliteVendor
    device = SqliteDevice
    subsystem = SqliteSubsystem
    top_level = ["vendor"]

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = Path(path)

    @cached_property
    def db(self) -> sqlite3.Connection:
        """The connection; opening it makes the file, so nothing does before there is a file or a change to write."""
        db = sqlite3.connect(self.path, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def load(self) -> None:
        has_tables = "SELECT 1 FROM sqlite_master WHERE name = 'vendor'"
        if not self.path.exists() or not self.db.execute(has_tables).fetchone():
            return
        for row in self.db.execute("SELECT vendor_id, name FROM vendor"):
            self.add(self.vendor(**row))
        for row in self.db.execute("SELECT vendor_id, device_id, name FROM device"):
            device = self.device(**row)
            self.add(device)
            self.get(self.vendor, {"vendor_id": device.vendor_id}).add_child(device)
        for row in self.db.execute("SELECT vendor_id, device_id, subvendor_id, subdevice_id, name FROM subsystem"):
            subsystem = self.subsystem(**row)
            self.add(subsystem)
            device = self.get(self.device, {"vendor_id": subsystem.vendor_id, "device_id": subsystem.device_id})
            device.add_child(subsystem)

    def write(self, statement: str, row: dict[str, Any]) -> None:
        """Execute a statement in the sync's one transaction, which begins with the first one."""
        if not self.db.in_transaction:
            self.db.execute("BEGIN")
            for table in TABLES:
                self.db.execute(table)
        self.db.execute(statement, row)

    def sync_complete(self, source: DSync, diff: Diff, flags: DSyncFlags, logger: logging.Logger) -> None:
        # A commit for each of 40,000 changes would take minutes. One here is enough: this is called at the end of every
        # sync that changed something, one that stopped half-way too, before anything is reported as done.
        self.db.commit()
        super().sync_complete(source, diff, flags, logger)
