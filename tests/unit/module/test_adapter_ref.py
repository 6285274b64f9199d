# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of an adapter's name."""

from __future__ import annotations

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.adapter_ref import AdapterKind, AdapterRef
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure

NETOPS = "ansible_collections.acme.netops.plugins.module_utils"


@pytest.mark.parametrize(
    ("text", "kind", "place", "class_name", "holder"),
    [
        ("sot.py:Sot", AdapterKind.FILE, "sot.py", "Sot", "sot.py"),
        ("adapters/sot.py:Sot", AdapterKind.FILE, "adapters/sot.py", "Sot", "adapters/sot.py"),
        ("/a b/c:d.py:Sot", AdapterKind.FILE, "/a b/c:d.py", "Sot", "/a b/c:d.py"),
        ("adapters/sot:Sot", AdapterKind.FILE, "adapters/sot", "Sot", "adapters/sot"),
        ("acme.netops.cmdb.Cmdb", AdapterKind.COLLECTION, f"{NETOPS}.cmdb", "Cmdb", "acme.netops.cmdb"),
        ("acme.netops.a.b.c.Cmdb", AdapterKind.COLLECTION, f"{NETOPS}.a.b.c", "Cmdb", "acme.netops.a.b.c"),
        ("acme_cmdb:Cmdb", AdapterKind.IMPORTABLE, "acme_cmdb", "Cmdb", "acme_cmdb"),
        ("acme.netops.cmdb:Cmdb", AdapterKind.IMPORTABLE, "acme.netops.cmdb", "Cmdb", "acme.netops.cmdb"),
    ],
)
def test_forms(text: str, kind: AdapterKind, place: str, class_name: str, holder: str) -> None:
    reference = AdapterRef.parse(text)
    assert (reference.kind, reference.place, reference.class_name, reference.holder) == (kind, place, class_name, holder)
    assert reference.text == text


@pytest.mark.parametrize(
    "text", ["", ":", "s-o-t", "sot.py", "a.b.C", "a.b.c-d.E", ":Cmdb", "sot.py:", "sot.py:9", "a b:C", "adapters/sot.py"]
)
def test_an_invalid_name_is_answered_with_the_valid_forms(text: str) -> None:
    with pytest.raises(TaskFailure, match=r"adapters/sot\.py:SourceOfTruth.*acme\.netops\.cmdb\.Cmdb.*acme_cmdb\.adapters:Cmdb"):
        AdapterRef.parse(text)
