# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody may see of an adapter's options: users and passwords of addresses, and options whose names say that they are secret.

Secrets belong under ``secrets``; this is for those that are given elsewhere. The entry of the modules imports this file, so it
imports nothing of the library (docs/decisions/0005).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

MASK = "********"

RECORDS = "records"
"""The option that holds records, whose fields are not options; others see to what is sensitive in them."""

_SECRET_NAME = re.compile(
    r".*(?:password|passwd|passphrase)|(?:.*_)?(?:pass|token|secrets?|api_?key|authorization)|secret_.*", re.IGNORECASE
)
"""Matches the name of an option, a header or a parameter of an address that is secret."""

_ADDRESS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>(?:[^/?#\s@]*(?=@)|[^:/?#\s@]*:(?!\d+/)[^\s@]*)(?:@[^/?#\s@]*(?=@))*)@",
    re.IGNORECASE,
)
"""Matches the beginning of an address with a user in it; a password may have a slash in it, and an at sign."""

_PARAMETER = re.compile(r"(?P<name>[?&;](?P<key>[^=&;#\s]+)=)(?P<value>[^&;#\s]+)")


def is_secret(name: object) -> bool:
    """Return whether an option of this name is secret."""
    return isinstance(name, str) and _SECRET_NAME.fullmatch(name.replace("-", "_")) is not None


def masked(value: Any, hidden: str = MASK) -> Any:
    """Return options, or one value of them, without what nobody may see.

    Args:
        value: not changed.
        hidden: stands in the place of a secret option.
    """
    if not isinstance(value, Mapping):
        return _masked(value)
    return {name: hidden if is_secret(name) else _masked_option(name, item, hidden) for name, item in value.items()}


def _masked_option(name: object, value: Any, hidden: str) -> Any:
    return masked(value, hidden) if _holds_headers(name) else value if name == RECORDS else _masked(value)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def masked_text(text: str) -> str:
    """Return a text without the users, passwords and secret parameters of the addresses in it."""
    if "://" not in text:
        return text
    text = _ADDRESS.sub(rf"\g<scheme>{MASK}@", text)
    return _PARAMETER.sub(lambda found: f"{found['name']}{MASK}" if is_secret(found["key"]) else found[0], text)


def secrets_in(options: Any) -> Iterator[Any]:
    """Yield what nobody may see of options: values of secret ones, and passwords in addresses, as they are written and as meant."""
    if not isinstance(options, Mapping):
        return
    for name, value in options.items():
        if is_secret(name):
            yield value
        elif _holds_headers(name):
            yield from secrets_in(value)
        elif name != RECORDS:
            yield from _passwords_in(value)


def _holds_headers(name: object) -> bool:
    return isinstance(name, str) and name.lower().endswith("headers")


def _passwords_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "://" in value:
            for found in _ADDRESS.finditer(value):
                password = found["user"].partition(":")[2]
                yield from (password, unquote(password), unquote_plus(password))
            for found in _PARAMETER.finditer(value):
                if is_secret(found["key"]):
                    yield from (found["value"], unquote(found["value"]), unquote_plus(found["value"]))
    elif isinstance(value, (Mapping, list)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _passwords_in(item)
