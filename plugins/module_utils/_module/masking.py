# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks secrets in an adapter's options: users and passwords in URLs, and options with the name of a secret.

Secrets belong under ``secrets``; this masks those that are given elsewhere. The entry of the modules imports this file, so it
does not import the library (docs/decisions/0005).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

MASK = "********"

RECORDS = "records"
"""The option that holds records. Their fields are not options, and their sensitive values are masked elsewhere."""

STORAGE = "storage_options"
"""The option of the adapter ``file`` that holds options of a file system or of a request."""

_SECRET_NAME = r"(?i).*(?:password|passwd|passphrase)|(?:.*_)?(?:pass|token|secrets?|api_?key|sent_key|authorization)|secret_.*"
"""Matches the name of a secret option, header or URL parameter."""

_ADDRESS = r"(?i)(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>(?:[^/?#\s@]*(?=@)|[^:/?#\s@]*:(?!\d+/)[^\s@]*)(?:@[^/?#\s@]*(?=@))*)@"
"""Matches the beginning of a URL with a user in it; the password may contain a slash or an at sign.

Like the other expressions of this file it is compiled on first use, since that takes a while.
"""

_PARAMETER = r"(?P<name>[?&;](?P<key>[^=&;#\s]+)=)(?P<value>[^&;#\s]+)"


def is_secret(name: object) -> bool:
    """Return whether an option of this name is secret."""
    return isinstance(name, str) and re.fullmatch(_SECRET_NAME, name.replace("-", "_")) is not None


def masked(value: Any, hidden: str = MASK) -> Any:
    """Return options, or one value of them, with secrets masked.

    Args:
        value: not changed.
        hidden: replaces the value of a secret option.
    """
    if not isinstance(value, Mapping):
        return _masked(value)
    return {name: hidden if is_secret(name) else _masked_option(name, item, hidden) for name, item in value.items()}


def _masked_option(name: object, value: Any, hidden: str) -> Any:
    return masked(value, hidden) if _holds_options(name) else value if name == RECORDS else _masked(value)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def masked_text(text: str) -> str:
    """Return a string with users, passwords and secret parameters of its URLs masked."""
    if "://" not in text:
        return text
    text = re.sub(_ADDRESS, rf"\g<scheme>{MASK}@", text)
    return re.sub(_PARAMETER, lambda found: f"{found['name']}{MASK}" if is_secret(found["key"]) else found[0], text)


def secrets_in(options: Any) -> Iterator[Any]:
    """Yield the secrets in options: values of secret options, and passwords in URLs, both as written and decoded."""
    if not isinstance(options, Mapping):
        return
    for name, value in options.items():
        if is_secret(name):
            yield value
        elif _holds_options(name):
            yield from secrets_in(value)
        elif name != RECORDS:
            yield from _passwords_in(value)


def _holds_options(name: object) -> bool:
    """Return whether the value of an option of this name is a dictionary whose names indicate secrets, as those of options do."""
    return isinstance(name, str) and (name.lower().endswith("headers") or name == STORAGE)


def _passwords_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "://" in value:
            from urllib.parse import unquote, unquote_plus  # only here, since importing it takes a while

            for found in re.finditer(_ADDRESS, value):
                password = found["user"].partition(":")[2]
                yield from (password, unquote(password), unquote_plus(password))
            for found in re.finditer(_PARAMETER, value):
                if is_secret(found["key"]):
                    yield from (found["value"], unquote(found["value"]), unquote_plus(found["value"]))
    elif isinstance(value, (Mapping, list)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _passwords_in(item)
