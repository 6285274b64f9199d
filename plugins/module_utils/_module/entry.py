# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible module of a task, which takes the shipped code out of its arguments."""

from __future__ import annotations

import importlib
from functools import cached_property
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .argspec import PROGRESS, SHIPPED, SIDES
from .bundle.importer import Cargo
from .masking import masked, masked_text

NOT_LOGGED = "NOT_LOGGING_PARAMETER"
ADAPTER = "adapter"
"""The argument of a task of one dataset that says so."""

EVERY = "*"
HIDDEN = {"secrets": {EVERY: NOT_LOGGED}, "options": {"records": NOT_LOGGED}}
"""Argument of a side → its keys whose values are not shown."""


class AdapterModule(AnsibleModule):
    """An AnsibleModule to which the code that came with the task is no option: neither validated, nor documented, nor shown.

    Attributes:
        cargo: that code.
        progress: the file in which the controller looks how far the task is, if it does.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.cargo = Cargo.unpack(self.params.pop(SHIPPED, ""))
        self.progress: str | None = self.params.pop(PROGRESS, None)

    @cached_property
    def signals(self) -> Any:
        """What asks the task to end, a ``Signals`` of a neighbour of this file, which came with the task."""
        return importlib.import_module(".run.signals", __package__).Signals()

    def _log_invocation(self) -> None:
        """Tell the host's system log of the task, but of nothing that nobody may see: Ansible would look for secrets in the text of
        a whole dictionary, where they are escaped."""
        params = self.params
        self.params = self._shown()
        try:
            super()._log_invocation()
        finally:
            self.params = params

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        """Return a result; what it says of the arguments shows nothing that nobody may see."""
        super()._return_formatted({"invocation": {"module_args": self._shown()}, **kwargs})

    def _shown(self) -> dict[str, Any]:
        """Return the arguments without the adapters' secrets, and without records, which may hold sensitive values."""
        own = _shown_side(self.params) if ADAPTER in self.params else self.params
        return {**own, **{side: _shown_side(own[side]) for side in SIDES if own.get(side) is not None}}

    def run(self, work: str) -> None:
        """Do the module's work with ``run`` of a neighbour of this file, which came with the task (docs/decisions/0005)."""
        self.cargo.install()
        importlib.import_module(f".run.{work}", __package__).run(self)


def _shown_side(side: Any) -> Any:
    """Return a side without what nobody may see; one that is no dictionary yet is not shown at all."""
    if not isinstance(side, dict):
        return NOT_LOGGED
    shown = {name: masked_text(value) if isinstance(value, str) else value for name, value in side.items()}
    for name, hidden in HIDDEN.items():
        if isinstance(side.get(name), dict):
            shown[name] = {key: hidden.get(key, hidden.get(EVERY, value)) for key, value in side[name].items()}
        elif side.get(name) is not None:
            shown[name] = NOT_LOGGED
    if isinstance(shown.get("options"), dict):
        shown["options"] = masked(shown["options"], NOT_LOGGED)
    return shown
