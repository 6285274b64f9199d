# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays examples/pci_ids with two published snapshots of the PCI ID database: about 39,500 objects."""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import RunPlaybook

REPOSITORY = Path(__file__).parents[2]
PLAY = REPOSITORY / "examples" / "pci_ids" / "play.yml"
SHARED_DATA = Path(os.environ.get("DSYNC_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
OLDER = SHARED_DATA / "pci-ids" / "pci.ids-2022-11-25.gz"
NEWER = SHARED_DATA / "pci-ids" / "pci.ids-2025-11-01.gz"
COUNTS_OF_NEWER = {"vendor": 2446, "device": 19865, "subsystem": 17210}
RESULT_LIMIT = 500_000

A_FEW = """\
# A comment, and a blank line

0e11  Compaq Computer Corporation
\t0046  Smart Array 64xx
\t\t0e11 409a  Smart Array 641
\t\t0e11 409b  Smart Array 642
0e8d  MEDIATEK Corp.
C 00  Unclassified device
"""

LINE = re.compile(
    r"^(?P<vendor>[0-9a-f]{4})  (?P<vendor_name>.*)$"
    r"|^\t(?P<device>[0-9a-f]{4})  (?P<device_name>.*)$"
    r"|^\t\t(?P<subvendor>[0-9a-f]{4}) (?P<subdevice>[0-9a-f]{4})  (?P<subsystem_name>.*)$",
    re.MULTILINE,
)

Rows = dict[str, set[tuple[str, ...]]]


def rows_of_the_file(path: Path) -> Rows:
    """Read a snapshot without its adapter: the rows that the tables should hold."""
    text = gzip.decompress(path.read_bytes()).decode("utf-8")
    rows: Rows = {"vendor": set(), "device": set(), "subsystem": set()}
    vendor = device = ""
    for line in LINE.finditer(text[: text.index("\nC ")]):
        if line["vendor"]:
            vendor = line["vendor"]
            rows["vendor"].add((vendor, line["vendor_name"]))
        elif line["device"]:
            device = line["device"]
            rows["device"].add((vendor, device, line["device_name"]))
        else:
            rows["subsystem"].add((vendor, device, line["subvendor"], line["subdevice"], line["subsystem_name"]))
    return rows


def rows_of_the_database(path: Path) -> Rows:
    """Read the tables without their adapter."""
    with closing(sqlite3.connect(path)) as db:
        return {table: set(db.execute(f"SELECT * FROM {table}")) for table in ("vendor", "device", "subsystem")}


class Example:
    """The example's playbook over one database, and what its module returns."""

    def __init__(self, run_playbook: RunPlaybook, folder: Path) -> None:
        self.run_playbook = run_playbook
        self.database = folder / "pci.sqlite"
        self.results = folder / "results.jsonl"

    def play(self, pci_ids: Path, *arguments: str, fails: bool = False) -> dict[str, Any]:
        """Play the example, which is expected to succeed or to fail, and return its module's result."""
        self.results.unlink(missing_ok=True)
        variables = json.dumps({"pci_ids": str(pci_ids), "database": str(self.database)})
        done = self.run_playbook(PLAY, "--extra-vars", variables, *arguments, env={"KEEP_RESULTS": str(self.results)})
        assert done.returncode == (2 if fails else 0), done.stdout + done.stderr
        synchronised, *_summary = self.results.read_text(encoding="utf-8").splitlines()
        assert len(synchronised) < RESULT_LIMIT
        result: dict[str, Any] = json.loads(synchronised)["result"]
        changed = int(result["changed"] and not fails)
        assert re.search(rf"^localhost +: .*\bchanged={changed} ", done.stdout, re.MULTILINE), done.stdout
        return result


@pytest.fixture
def example(run_playbook: RunPlaybook, tmp_path: Path) -> Example:
    return Example(run_playbook, tmp_path)


@pytest.fixture
def published() -> None:
    """The test needs the published snapshots."""
    for snapshot in (OLDER, NEWER):
        if not snapshot.is_file():
            pytest.skip(f"shared data absent: {snapshot}")


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {action: result["summary"][action] for action in ("creates", "updates", "deletes", "unchanged", "skipped")}


def expected_counts(before: Rows, after: Rows) -> dict[str, int]:
    """What it takes to bring the one set of rows to the other; a row's last column is its name, the others identify it."""
    old = {(table, *row[:-1]): row[-1] for table, rows in before.items() for row in rows}
    new = {(table, *row[:-1]): row[-1] for table, rows in after.items() for row in rows}
    kept = old.keys() & new.keys()
    renamed = sum(old[key] != new[key] for key in kept)
    return {
        "creates": len(new.keys() - kept),
        "updates": renamed,
        "deletes": len(old.keys() - kept),
        "unchanged": len(kept) - renamed,
        "skipped": 0,
    }


def predictions(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The change records without how each ended, which check mode cannot know."""
    return [{key: record[key] for key in record.keys() - {"status", "message"}} for record in result["changes"]]


@pytest.mark.long
@pytest.mark.usefixtures("published")
def test_the_older_snapshot_then_the_newer(example: Example) -> None:
    older, newer = rows_of_the_file(OLDER), rows_of_the_file(NEWER)
    assert {table: len(rows) for table, rows in newer.items()} == COUNTS_OF_NEWER

    check = example.play(OLDER, "--check")
    assert check["changed"]
    assert not example.database.exists()

    first = example.play(OLDER)
    assert first["changed"]
    assert first["summary"] == check["summary"]
    none = {"creates": 0, "updates": 0, "deletes": 0, "unchanged": 0, "skipped": 0}
    assert counts(first) == {**none, "creates": sum(map(len, older.values()))}
    assert rows_of_the_database(example.database) == older

    before = example.database.read_bytes()
    check = example.play(NEWER, "--check", "--diff")
    assert check["changed"]
    assert example.database.read_bytes() == before

    second = example.play(NEWER, "--diff")
    assert second["summary"] == check["summary"]
    # How many records fit into a result depends on their messages, so the one list may be longer.
    common = min(len(check["changes"]), len(second["changes"]))
    assert common > 100
    assert predictions(second)[:common] == predictions(check)[:common]
    assert {record["status"] for record in second["changes"]} == {"done"}
    assert len(second["changes"]) + second["changes_truncated"] == sum(
        counts(second)[action] for action in ("creates", "updates", "deletes")
    )
    assert second["diff"] == check["diff"]
    assert rows_of_the_database(example.database) == newer
    assert counts(second) == expected_counts(older, newer)

    third = example.play(NEWER)
    assert not third["changed"]
    assert counts(third) == {**none, "unchanged": sum(COUNTS_OF_NEWER.values())}
    assert third["changes"] == []
    assert rows_of_the_database(example.database) == newer


def test_what_a_run_did_before_it_stopped_is_written(example: Example, tmp_path: Path) -> None:
    pci_ids = tmp_path / "pci.ids"
    pci_ids.write_text(A_FEW.replace("Smart Array 642", "refused"), encoding="utf-8")
    with closing(sqlite3.connect(example.database)) as db:
        db.execute("CREATE TABLE subsystem (vendor_id, device_id, subvendor_id, subdevice_id, name CHECK (name != 'refused'))")
    result = example.play(pci_ids, fails=True)
    assert [(record["id"], record["status"]) for record in result["changes"]] == [
        ("0e11", "done"),
        ("0e11__0046", "done"),
        ("0e11__0046__0e11__409a", "done"),
        ("0e11__0046__0e11__409b", "failed"),
        ("0e8d", "not_attempted"),
    ]
    assert rows_of_the_database(example.database) == {
        "vendor": {("0e11", "Compaq Computer Corporation")},
        "device": {("0e11", "0046", "Smart Array 64xx")},
        "subsystem": {("0e11", "0046", "0e11", "409a", "Smart Array 641")},
    }


def test_a_vendor_goes_with_all_that_is_below_it(example: Example, tmp_path: Path) -> None:
    pci_ids = tmp_path / "pci.ids"
    pci_ids.write_text(A_FEW, encoding="utf-8")
    example.play(pci_ids)
    left = "0e8d  MEDIATEK Corp.\n"
    pci_ids.write_text(left, encoding="utf-8")
    refused = example.play(pci_ids, fails=True)  # a file without any device is rather a wrong file
    assert "PciIds was loaded and has no device objects, while PciSqlite has 1" in refused["msg"]
    assert counts(refused) == {"creates": 0, "updates": 0, "deletes": 4, "unchanged": 1, "skipped": 0}
    pci_ids.write_text(f"{left}\t0608  A device\n\t\t0e8d 0001  A board\n", encoding="utf-8")
    result = example.play(pci_ids)
    assert counts(result) == {"creates": 2, "updates": 0, "deletes": 4, "unchanged": 1, "skipped": 0}
    assert rows_of_the_database(example.database) == {
        "vendor": {("0e8d", "MEDIATEK Corp.")},
        "device": {("0e8d", "0608", "A device")},
        "subsystem": {("0e8d", "0608", "0e8d", "0001", "A board")},
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("\t\t0e11 409a  Smart Array 641, once more", 'line 7: PciIds has two subsystem objects .*"0e11__0046__0e11__409a"'),
        ("\t\t\t0000  Too deep", "line 7: neither a vendor, nor a device or subsystem of what is above it: .*Too deep"),
        ("Compaq", "line 7: neither a vendor, nor a device or subsystem of what is above it: 'Compaq'"),
    ],
)
def test_a_line_that_cannot_be_is_named(example: Example, tmp_path: Path, line: str, complaint: str) -> None:
    pci_ids = tmp_path / "pci.ids"
    pci_ids.write_text(A_FEW.replace("0e8d  MEDIATEK", f"{line}\n0e8d  MEDIATEK"), encoding="utf-8")
    result = example.play(pci_ids, fails=True)
    assert re.search(complaint, result["msg"]), result["msg"]
    assert not example.database.exists()
