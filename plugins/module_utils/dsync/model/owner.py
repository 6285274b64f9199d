# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The interface of a dataset that its objects use."""

from __future__ import annotations

from typing import Any, Protocol


class Owner(Protocol):
    """The dataset that holds an object, as seen by the object.

    Attributes:
        name: display name of the dataset in messages.
    """

    name: str

    def get_or_none(self, obj: Any, identifier: str | dict[str, Any]) -> Any:
        """Return an object of a model, or None if it does not exist."""

    def remove(self, obj: Any, remove_children: bool = False) -> None:
        """Remove an object from the dataset."""
