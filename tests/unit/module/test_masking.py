# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody may see of an adapter's options is masked wherever it is given."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.masking import masked, secrets_in
from ansible_collections.dsync.core.plugins.module_utils.dsync.adapters import BUILT_IN, built_in

SECRET = "open-sesame-4711"

HIDDEN: list[tuple[str, str, set[str]]] = [
    ("postgresql://u:pw@h:5432/db", "postgresql://********@h:5432/db", {"pw"}),
    ("postgresql://u:p/w@h/db", "postgresql://********@h/db", {"p/w"}),
    ("postgresql://u:p@w@h/db", "postgresql://********@h/db", {"p@w"}),
    ("postgresql://u:p%40w@h/db", "postgresql://********@h/db", {"p%40w", "p@w"}),
    ("https://t0ken@h/x", "https://********@h/x", {""}),
    ("https://h/x?api_key=k&page=1", "https://h/x?api_key=********&page=1", {"k"}),
    ("mariadb://h/db?ssl=1&sslpassword=k", "mariadb://h/db?ssl=1&sslpassword=********", {"k"}),
    ("https://h/x@y", "https://h/x@y", set()),
    ("http://h:80/x@y", "http://h:80/x@y", set()),
    ("sqlite:////srv/a@b.db?uri=true", "sqlite:////srv/a@b.db?uri=true", set()),
    ("mail to u:p@h", "mail to u:p@h", set()),
]


@pytest.mark.parametrize(("text", "shown", "secrets"), HIDDEN)
def test_addresses(text: str, shown: str, secrets: set[str]) -> None:
    assert masked({"url": text, "deep": [{"x": text}]}) == {"url": shown, "deep": [{"x": shown}]}
    assert set(secrets_in({"url": text})) == set(secrets_in({"deep": [{"x": text}]})) == secrets


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *dict.fromkeys(("password", "Token", "client_key_password", "secret_headers", "api_key", "auth-token"), True).items(),
        *dict.fromkeys(("path", "tokens_file", "vault_password_file", "auth_header", "client_key", "key"), False).items(),
    ],
)
def test_names_of_options(name: str, is_secret: bool) -> None:
    assert masked({name: "v"}, "hidden") == {name: "hidden" if is_secret else "v"}
    assert masked({"headers": {name: "v"}}, "hidden") == {"headers": {name: "hidden" if is_secret else "v"}}
    assert masked({"pagination": {name: "v"}}) == {"pagination": {name: "v"}}
    assert list(secrets_in({name: "v"})) == list(secrets_in({"headers": {name: "v"}})) == ["v"] * is_secret


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_option_that_an_adapter_declares_as_secret_is_masked_where_it_is_not_given_as_one(name: str) -> None:
    adapter: Any = built_in(name)
    for one in adapter.Options.described():
        value = {"password": SECRET, "X-Token": SECRET} if one.kind == "a dictionary" else SECRET
        if one.secret:
            assert SECRET not in str(masked({one.name: value})), one.name
            assert SECRET in str(list(secrets_in({one.name: value}))), one.name


@pytest.mark.parametrize("options", [None, {}, {"records": [{"password": "p", "url": "http://a:b@c"}]}, {"path": "x", "mode": 7}])
def test_what_is_not_secret_stays(options: Any) -> None:
    assert masked(options) == options
    assert list(secrets_in(options)) == []
