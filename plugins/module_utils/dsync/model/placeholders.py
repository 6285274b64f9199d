# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Placeholders for unknown values."""

from __future__ import annotations

from .._util.redaction import MASK


class DigestedSecret:
    """Represents a sensitive value of which only a keyed digest is known. It equals no value.

    Attributes:
        digest: the digest, as :class:`~.storage.digests.SecretDigester` makes it.
    """

    __slots__ = ("digest",)

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def __repr__(self) -> str:
        return MASK


class Lost:
    """Represents a value that could not be written. It equals no value.

    Attributes:
        kind: the name of its type.
    """

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<a {self.kind} that could not be written>"
