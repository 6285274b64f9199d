# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of an adapter's name."""

from __future__ import annotations

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.adapter_ref import Form, Reference
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure

NETOPS = "ansible_collections.acme.netops.plugins.module_utils"


@pytest.mark.parametrize(
    ("text", "form", "place", "class_name", "holder"),
    [
        ("sot.py:Sot", Form.FILE, "sot.py", "Sot", "sot.py"),
        ("adapters/sot.py:Sot", Form.FILE, "adapters/sot.py", "Sot", "adapters/sot.py"),
        ("/a b/c:d.py:Sot", Form.FILE, "/a b/c:d.py", "Sot", "/a b/c:d.py"),
        ("adapters/sot:Sot", Form.FILE, "adapters/sot", "Sot", "adapters/sot"),
        ("acme.netops.cmdb.Cmdb", Form.COLLECTION, f"{NETOPS}.cmdb", "Cmdb", "acme.netops.cmdb"),
        ("acme.netops.a.b.c.Cmdb", Form.COLLECTION, f"{NETOPS}.a.b.c", "Cmdb", "acme.netops.a.b.c"),
        ("acme_cmdb:Cmdb", Form.IMPORTABLE, "acme_cmdb", "Cmdb", "acme_cmdb"),
        ("acme.netops.cmdb:Cmdb", Form.IMPORTABLE, "acme.netops.cmdb", "Cmdb", "acme.netops.cmdb"),
    ],
)
def test_forms(text: str, form: Form, place: str, class_name: str, holder: str) -> None:
    reference = Reference.parse(text)
    assert (reference.form, reference.place, reference.class_name, reference.holder) == (form, place, class_name, holder)
    assert reference.text == text


@pytest.mark.parametrize(
    "text", ["", ":", "s-o-t", "sot.py", "a.b.C", "a.b.c-d.E", ":Cmdb", "sot.py:", "sot.py:9", "a b:C", "adapters/sot.py"]
)
def test_what_is_no_name_tells_the_forms(text: str) -> None:
    with pytest.raises(TaskFailure, match=r"adapters/sot\.py:SourceOfTruth.*acme\.netops\.cmdb\.Cmdb.*acme_cmdb\.adapters:Cmdb"):
        Reference.parse(text)
