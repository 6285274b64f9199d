# SPDX-License-Identifier: Apache-2.0
"""The CMDB: three SQLite tables. It is read, and written one object at a time."""

import sqlite3
from pathlib import Path
from typing import Any, ClassVar

from dsync import DSync, DSyncModel, DSyncModelFlags
from models import Device, Interface, Site


class Row(DSyncModel):
    """An object that is a row of a table: each model says its three statements."""

    # A foreign key wants a row's children gone before the row.
    model_flags = DSyncModelFlags.NATURAL_DELETION_ORDER

    insert_sql: ClassVar[str]
    update_sql: ClassVar[str]
    delete_sql: ClassVar[str]

    @classmethod
    def create(cls, dsync: "Cmdb", ids: dict[str, Any], attrs: dict[str, Any]) -> "Row | None":
        dsync.db.execute(cls.insert_sql, {**ids, **attrs})
        return super().create(dsync=dsync, ids=ids, attrs=attrs)

    def update(self, attrs: dict[str, Any]) -> "Row | None":
        # `attrs` holds what differs; the statement sets the whole row.
        self.dsync.db.execute(self.update_sql, {**self.get_identifiers(), **self.get_attrs(), **attrs})
        return super().update(attrs)

    def delete(self) -> "Row | None":
        self.dsync.db.execute(self.delete_sql, self.get_identifiers())
        return super().delete()


class CmdbSite(Row, Site):
    insert_sql = "INSERT INTO site (name, city, contact_phone) VALUES (:name, :city, :contact_phone)"
    update_sql = "UPDATE site SET city = :city, contact_phone = :contact_phone WHERE name = :name"
    delete_sql = "DELETE FROM site WHERE name = :name"


class CmdbDevice(Row, Device):
    insert_sql = "INSERT INTO device (name, site_name, role) VALUES (:name, :site_name, :role)"
    update_sql = "UPDATE device SET site_name = :site_name, role = :role WHERE name = :name"
    delete_sql = "DELETE FROM device WHERE name = :name"


class CmdbInterface(Row, Interface):
    insert_sql = """INSERT INTO interface (device_name, name, description, mtu, enabled, address)
        VALUES (:device_name, :name, :description, :mtu, :enabled, :address)"""
    update_sql = """UPDATE interface SET description = :description, mtu = :mtu, enabled = :enabled, address = :address
        WHERE device_name = :device_name AND name = :name"""
    delete_sql = "DELETE FROM interface WHERE device_name = :device_name AND name = :name"


class Cmdb(DSync):
    site = CmdbSite
    device = CmdbDevice
    interface = CmdbInterface
    top_level = ["site"]

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Opened for reading and writing, never made: a wrong path is an error. Without an isolation level each
        # statement is its own transaction, so a change that is reported as done is in the file.
        uri = f"{Path(path).absolute().as_uri()}?mode=rw"
        self.db = sqlite3.connect(uri, uri=True, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA foreign_keys = ON")

    def load(self) -> None:
        for row in self.db.execute("SELECT name, city, contact_phone FROM site"):
            self.add(self.site(**row))
        for row in self.db.execute("SELECT name, site_name, role FROM device"):
            device = self.device(**row)
            self.add(device)
            self.get(self.site, {"name": device.site_name}).add_child(device)
        for row in self.db.execute("SELECT device_name, name, description, mtu, enabled, address FROM interface"):
            interface = self.interface(**row)
            self.add(interface)
            self.get(self.device, {"name": interface.device_name}).add_child(interface)
