# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Keyed digests that represent sensitive values in files.

Protection: a reader of the file sees no sensitive value, cannot look it up in a precomputed table (a journal
has a random salt, a plan has a salt that is derived from everything in it except sensitive values), and cannot see that two objects
have the same value (the digest also covers model, id and attribute). If two plans differ in nothing else, a reader can see whether
they share a value.

Without a ``key``, it does not protect against guessing: a reader of the file can try values at the speed of SHA-256
and will find a weak password. With a ``key``, a passphrase that is not stored beside the file, the passphrase must be found first,
and each attempt costs one run of scrypt. A reader can see in either case that an attribute is not set (None).
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
        """A value that is equal for digesters with the same key; None without a key."""
        return None if self._key is None else self._hmac("dsync key check")

    def digest(self, model: str, uid: str, attribute: str, value: Any) -> str:
        """Return the digest of an attribute's value, given as plain JSON."""
        return self._hmac(text_of([model, uid, attribute, value]))

    def _hmac(self, text: str) -> str:
        return hmac.new(self._derived, text.encode(), hashlib.sha256).hexdigest()
