# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shipped code is imported from memory alone, and before anything else of its name."""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.bundle.compiled import CompiledModules
from ansible_collections.dsync.core.plugins.module_utils._module.bundle.format import Bundle
from ansible_collections.dsync.core.plugins.module_utils._module.bundle.importer import Code

Files = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def imports_as_before() -> Iterator[None]:
    before, finders = set(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        del sys.modules[name]


def encoded(code: str | bytes) -> bytes:
    return code if isinstance(code, bytes) else code.encode()


def install(files: Files) -> None:
    modules = {
        name: Code(
            source=encoded(entry.get("code", "")),
            path=f"/nowhere/{name}.py",
            package=entry.get("package", False),
            siblings=entry.get("siblings", {}),
        )
        for name, entry in files.items()
    }
    Bundle.unpack(Bundle(modules=modules).pack()).install(CompiledModules(None))


def test_nothing_shipped_changes_nothing() -> None:
    finders = list(sys.meta_path)
    bundle = Bundle.unpack("")
    bundle.install(CompiledModules(None))
    assert (bundle.adapters, bundle.modules, sys.meta_path) == ({}, {}, finders)


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


def test_siblings_are_read_below_their_package() -> None:
    install(
        {
            "one": {"package": True},
            "one.sot": {"code": "import json\nWHO = json.WHO", "siblings": {"json": "one"}},
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
    install({"ship": {"code": "# coding: latin-1\nWHO = 'ü'".encode("latin-1")}})
    assert importlib.import_module("ship").WHO == "ü"
