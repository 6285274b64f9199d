# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shipped code is imported from memory alone, and before anything else of its name."""

from __future__ import annotations

import base64
import importlib
import io
import json
import linecache
import sys
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.bundle.importer import MANIFEST, Cargo

Files = dict[str, dict[str, Any]]


def packed(files: Files, adapters: dict[str, str] | None = None) -> str:
    """Pack files as the controller does."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        modules = {}
        for name, entry in files.items():
            archive.writestr(f"{name}.py", entry.get("code", ""))
            modules[name] = {"file": f"{name}.py", "path": f"/nowhere/{name}.py", "package": False, "neighbours": {}, **entry}
            modules[name].pop("code", None)
        archive.writestr(MANIFEST, json.dumps({"adapters": adapters or {}, "modules": modules, "inventories": {}, "host": ""}))
    return base64.b64encode(zlib.compress(memory.getvalue())).decode()


@pytest.fixture(autouse=True)
def imports_as_before() -> Iterator[None]:
    before, finders = set(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        del sys.modules[name]


def install(files: Files) -> None:
    Cargo.unpack(packed(files)).install()


def test_nothing_shipped_changes_nothing() -> None:
    finders = list(sys.meta_path)
    cargo = Cargo.unpack("")
    cargo.install()
    assert (cargo.adapters, cargo.modules, sys.meta_path) == ({}, {}, finders)


def test_packages_and_modules_that_are_on_no_disk() -> None:
    install(
        {
            "ship": {"package": True},
            "ship.sot": {"code": "from . import near\nWHO = near.WHO"},
            "ship.near": {"code": "WHO = 'near'"},
        }
    )
    module = importlib.import_module("ship.sot")
    assert module.WHO == "near"
    assert module.__file__ == "/nowhere/ship.sot.py"
    assert importlib.import_module("ship").__path__ == []


def test_neighbours_are_read_below_their_package() -> None:
    install(
        {
            "one": {"package": True},
            "one.sot": {"code": "import json\nWHO = json.WHO", "neighbours": {"json": "one"}},
            "one.json": {"code": "WHO = 'mine'"},
            "two": {"package": True},
            "two.sot": {"code": "import json\nWHO = json.dumps(1)"},
        }
    )
    assert importlib.import_module("one.sot").WHO == "mine"
    assert importlib.import_module("two.sot").WHO == "1"


def test_shipped_modules_win_and_the_rest_of_their_package_is_found_where_it_was() -> None:
    install({"wsgiref": {"package": True, "code": "SHIPPED = True"}, "wsgiref.util": {"code": "SHIPPED = True"}})
    assert importlib.import_module("wsgiref").SHIPPED
    assert importlib.import_module("wsgiref.util").SHIPPED
    assert importlib.import_module("wsgiref.headers").Headers([("a", "b")])["a"] == "b"


def test_a_traceback_shows_the_line_of_a_file_that_is_not_there() -> None:
    install({"ship": {"package": True}, "ship.bad": {"code": "def fail():\n    return 1 / 0  # here\n"}})
    linecache.clearcache()
    with pytest.raises(ZeroDivisionError) as caught:
        importlib.import_module("ship.bad").fail()
    assert "return 1 / 0  # here" in "".join(traceback.format_exception(caught.value))


def test_a_file_in_another_encoding() -> None:
    memory = packed({"ship": {"code": "# coding: latin-1\nWHO = 'ü'".encode("latin-1")}})
    Cargo.unpack(memory).install()
    assert importlib.import_module("ship").WHO == "ü"
