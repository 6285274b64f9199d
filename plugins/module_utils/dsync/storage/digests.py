# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Keyed digests that stand for sensitive values in files.

What this protects against: whoever reads the file sees no sensitive value, cannot look one up in a table made beforehand (a journal
has a random salt, a plan one that is made from all that it holds besides sensitive values), and cannot see that two objects share
one (the digest covers model, id and attribute, too). Two plans that differ in nothing else show whether they share a value.

What it does not protect against, unless there is a ``key``: guessing. Whoever has such a file can try values as fast as SHA-256
goes, and will find a weak password. With a ``key``, a passphrase that is not kept beside the file, that must be found first, and
each try at it costs a run of scrypt. That an attribute is not set at all (None) is visible either way.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cached_property
from typing import Any

from .._util.plain_json import text_of

_COST = {"n": 2**14, "r": 8, "p": 1}


SALT_DIGITS = 32
"""The length of a salt, in hexadecimal digits."""


def new_salt() -> str:
    """Return a random salt, as hexadecimal digits."""
    return secrets.token_hex(SALT_DIGITS // 2)


class SecretDigester:
    """Makes the digests of one file.

    Args:
        salt: the file's salt, as hexadecimal digits.
        key: a passphrase, if the file has one.
    """

    def __init__(self, salt: str, key: str | None = None) -> None:
        self.salt = salt
        self._key = key

    @cached_property
    def _derived(self) -> bytes:
        phrase = (self._key or "").encode("utf-8", "surrogatepass")
        return hashlib.scrypt(phrase, salt=bytes.fromhex(self.salt), dklen=32, **_COST)

    @cached_property
    def check(self) -> str | None:
        """What tells whether another digester has the same key; None where there is no key."""
        return None if self._key is None else self._hmac("dsync key check")

    def digest(self, model: str, uid: str, attribute: str, value: Any) -> str:
        """Return the digest of an attribute's value, given as plain JSON."""
        return self._hmac(text_of([model, uid, attribute, value]))

    def _hmac(self, text: str) -> str:
        return hmac.new(self._derived, text.encode(), hashlib.sha256).hexdigest()
