# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the files of a proposal describe the datasets of the task: with variables for secrets, and so that they work elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="the module needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.bundle.format import Bundle
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.discovery import discovered
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.side import Side
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils._module.run.discover import _origin


def side(adapter: str, options: dict[str, Any], **more: Any) -> Side:
    params = {"adapter": adapter, "options": options, "secrets": {}, "name": None, "tables": None, "openapi": None}
    return Side("source", {**params, "read_records": True, **more})


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export.csv").write_text("name\na\n")
    one = side("file", {"path": "export.csv"}, name="the export")
    origin = _origin(one, discovered(one, Bundle()))
    assert (origin.options, origin.name) == ({"path": str(tmp_path / "export.csv")}, "the export")


def test_an_option_with_a_secret_becomes_a_variable(tmp_path: Path) -> None:
    given = {
        "storage_options": {"password": "opal-19"},
        "path": str(tmp_path / "export.csv"),
    }
    (tmp_path / "export.csv").write_text("name\na\n")
    one = side("file", given)
    origin = _origin(one, discovered(one, Bundle()))
    assert origin.options == {"storage_options": "{{ source_storage_options }}", "path": given["path"]}


def test_records_of_a_task_are_a_variable() -> None:
    one = side("memory", {"records": [{"name": "a"}]}, tables={"device": []})
    found = discovered(one, Bundle())
    assert found.tables["device"].count == 1
    assert _origin(one, found).options == {"records": "{{ source_records }}"}


def test_more_tables_than_a_person_reads_have_to_be_named(tmp_path: Path) -> None:
    sa = pytest.importorskip("sqlalchemy")
    engine = sa.create_engine(f"sqlite:///{tmp_path}/cmdb.db")
    with engine.begin() as connection:
        for number in range(31):
            connection.exec_driver_sql(f"CREATE TABLE t{number} (name TEXT)")
    engine.dispose()
    with pytest.raises(TaskFailure, match=r"source \(sql\): there are 31 tables \(known: t0, .*\); name those"):
        discovered(side("sql", {"url": f"sqlite:///{tmp_path}/cmdb.db"}), Bundle())
