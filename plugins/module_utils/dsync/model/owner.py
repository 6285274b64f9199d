# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What an object needs of the dataset that holds it."""

from __future__ import annotations

from typing import Any, Protocol


class Owner(Protocol):
    """The dataset that holds an object, as far as the object is concerned.

    Attributes:
        name: what the dataset is called in messages.
    """

    name: str

    def get_or_none(self, obj: Any, identifier: str | dict[str, Any]) -> Any:
        """Return an object of a model, or None if it is not there."""

    def remove(self, obj: Any, remove_children: bool = False) -> None:
        """Take an object out of the dataset."""
