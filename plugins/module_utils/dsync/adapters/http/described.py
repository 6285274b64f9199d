# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of an endpoint as its answer to OPTIONS describes them, in the form of Django REST framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

About = Mapping[str, Any]
"""What the answer describes of a field, such as ``{"type": "string", "required": true, "read_only": false}``."""

_ACTIONS = ("POST", "PUT")
"""The actions whose fields are described alike; the first one that an answer has counts."""


def described_fields(answer: Any) -> dict[str, About]:
    """Return field → what an answer describes of it; empty if it describes none, as for a user who may not write.

    Args:
        answer: the value of the answer, whatever it is.
    """
    actions = answer.get("actions") if isinstance(answer, Mapping) else None
    found = [actions[name] for name in _ACTIONS if actions.get(name)] if isinstance(actions, Mapping) else []
    fields = found[0] if found and isinstance(found[0], Mapping) else {}
    return {name: about for name, about in fields.items() if isinstance(about, Mapping)}


def is_read_only(about: About) -> bool:
    """Return whether a field takes no value."""
    return about.get("read_only") is True
