# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import statements of neighbours mean the files beside; everything else stays as it was written."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.bundle.sibling_imports import compile_with_siblings

NEIGHBOURS = {"models": "folder", "package": "folder.inner"}


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """Modules as they would have been shipped."""
    names = ("folder", "folder.models", "folder.inner", "folder.inner.package", "folder.inner.package.leaf")
    for name in names:
        module = ModuleType(name)
        module.__path__ = []
        module.NAME = name
        sys.modules[name] = module
        parent, _dot, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
    yield
    for name in names:
        del sys.modules[name]


def run(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "folder.sot", "__package__": "folder"}
    exec(compile_with_siblings(source, "/controller/sot.py", NEIGHBOURS), namespace)
    return namespace


@pytest.mark.parametrize(
    ("source", "name", "meant"),
    [
        ("import models", "models", "folder.models"),
        ("import models as other", "other", "folder.models"),
        ("import json, models", "models", "folder.models"),
        ("import package.leaf", "package", "folder.inner.package"),
        ("import package.leaf as leaf", "leaf", "folder.inner.package.leaf"),
        ("from package import leaf", "leaf", "folder.inner.package.leaf"),
        ("from . import models", "models", "folder.models"),
    ],
)
def test_what_is_bound(source: str, name: str, meant: str) -> None:
    for text in (source, f"def late():\n    {source}\n    return {name}\n{name} = late()"):
        assert meant == run(text)[name].NAME


def test_names_from_a_neighbour() -> None:
    assert run("from models import NAME")["NAME"] == "folder.models"
    assert run("from package.leaf import NAME as leaf")["leaf"] == "folder.inner.package.leaf"
    assert run("import package.leaf\nleaf = package.leaf")["leaf"].NAME == "folder.inner.package.leaf"
    assert "NAME" in run("from models import *")


def test_other_imports_stay_as_they_are() -> None:
    namespace = run("from __future__ import annotations\nimport json, os.path\nfrom collections import abc")
    assert {namespace[name].__name__ for name in ("json", "os", "abc")} == {"json", "os", "collections.abc"}


def test_lines_and_the_file_keep_their_place() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run("import models\nimport package.leaf, json\n\n1 / 0")
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno) == ("/controller/sot.py", 4)


def test_no_future_statement_of_this_library_is_handed_on() -> None:
    assert run("def f(a: int): pass\nfound = f.__annotations__['a']")["found"] is int
