# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to OPTIONS describes, and who may rely on it."""

from __future__ import annotations

from typing import Any

import pytest
from dsync.adapters.estates.fields import Fields
from dsync.adapters.http.client import Client
from dsync.adapters.http.described import described_fields, is_read_only
from dsync.adapters.http.options import Credentials, Manners, tls
from rest_api import Api, Reply, served

ROLE = {"role": {"type": "string", "read_only": True}}
PLAIN = {"role": {"type": "string", "read_only": False}}
TLS = {**dict.fromkeys(("ca_file", "client_cert", "client_key", "client_key_password")), "verify": True, "trust_env": False}


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ({"actions": {"POST": ROLE, "PUT": PLAIN}}, ROLE),
        ({"actions": {"PUT": ROLE}}, ROLE),
        ({"actions": {"POST": {**ROLE, "name": "a string"}}}, ROLE),
        ({"actions": {"GET": ROLE}}, {}),
        ({"actions": None}, {}),
        ({"actions": ["POST"]}, {}),
        ({"actions": {"POST": ["role"]}}, {}),
        ([ROLE], {}),
        (None, {}),
    ],
)
def test_the_fields_of_an_answer(answer: Any, fields: Any) -> None:
    assert described_fields(answer) == fields


def test_a_field_is_read_only_where_the_answer_says_so() -> None:
    assert [is_read_only(about) for about in (ROLE["role"], PLAIN["role"], {}, {"read_only": "no"})] == [True, False, False, False]


@pytest.mark.parametrize("body", [["role"], "role", None, {"actions": {"POST": ROLE}}])
def test_a_source_of_truth_describes_nothing_by_an_answer_of_another_form(body: Any) -> None:
    with served(Api(intervene=lambda request: Reply(200, body if body is not None else b"null"))) as api:
        client = Client(api.url, Credentials({}), tls({**TLS, "base_url": api.url}), Manners())
        assert Fields("NetBox", client.request).described("dcim/sites") == {}
