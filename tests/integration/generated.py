# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Random estates for fixtures/adapters/trees.py, and estates that have drifted from them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

Entry = dict[str, Any]

NOTES = (None, "", "plain", "ünïcode ☃", "two\nlines", "a__b", 0, 1, True, False, 1.5, ["x", 1], {"deep": {"er": [None]}})


def estate(chance: random.Random, sites: int = 4) -> list[Entry]:
    """Return sites with racks and devices, ports in both, and tags."""
    entries: list[Entry] = []
    for site in range(chance.randint(0, sites)):
        _add(entries, chance, "site", None, name=f"s{site}")
        for rack in range(chance.randint(0, 3)):
            _add(entries, chance, "rack", ["site", f"s{site}"], site=f"s{site}", name=f"r{rack}")
            _ports(entries, chance, ["rack", f"s{site}__r{rack}"])
        for device in range(chance.randint(0, 3)):
            _add(entries, chance, "device", ["site", f"s{site}"], name=f"d{site}-{device}")
            _ports(entries, chance, ["device", f"d{site}-{device}"])
    for tag in range(chance.randint(0, 3)):
        _add(entries, chance, "tag", None, name=f"t{tag}")
    return entries


def _ports(entries: list[Entry], chance: random.Random, parent: list[str]) -> None:
    for port in range(chance.randint(0, 2)):
        _add(entries, chance, "port", parent, name=f"{parent[1]}/{port}")


def _add(entries: list[Entry], chance: random.Random, model: str, parent: list[str] | None, **ids: str) -> None:
    fields = {**ids, "note": chance.choice(NOTES), "size": chance.choice((None, 1, 2)), "tags": chance.choices("abc", k=2)}
    entries.append({"model": model, "parent": parent, "fields": {**fields, "password": chance.choice((None, "hunter2", "s3cret"))}})


def save(path: Path, entries: list[Entry]) -> Path:
    """Write an estate to a file."""
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def site(name: str, **attributes: Any) -> Entry:
    """Return one site without anything in it."""
    return {"model": "site", "parent": None, "fields": {"name": name, **attributes}}


def side(path: Path, adapter: str = "Tree", **options: Any) -> dict[str, Any]:
    """Return a task's source or target that is an estate in a file."""
    trees = Path(__file__).parent / "fixtures" / "adapters" / "trees.py"
    return {"adapter": f"{trees}:{adapter}", "options": {"path": str(path), **options}}
