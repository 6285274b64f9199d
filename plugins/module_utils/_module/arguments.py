# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible module of a task, which takes the shipped code out of its arguments."""

from __future__ import annotations

import importlib

from ansible.module_utils.basic import AnsibleModule

from .shipped import Cargo
from .spec import SHIPPED, SIDES

NOT_LOGGED = "NOT_LOGGING_PARAMETER"


class AdapterModule(AnsibleModule):
    """An AnsibleModule to which the code that came with the task is no option: neither validated, nor documented, nor shown.

    Attributes:
        cargo: that code.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.cargo = Cargo.unpack(self.params.pop(SHIPPED, ""))

    def _log_invocation(self) -> None:
        """Tell the host's system log of the task, but not of the adapters' secrets: Ansible would look for them in the text of a
        whole dictionary, where they are escaped."""
        params = self.params
        sides = {side: {**params[side]} for side in SIDES if side in params}
        for side in sides.values():
            side["secrets"] = dict.fromkeys(side["secrets"], NOT_LOGGED)
        self.params = {**params, **sides}
        try:
            super()._log_invocation()
        finally:
            self.params = params

    def run(self, work: str) -> None:
        """Do the module's work with ``run`` of a neighbour of this file, which came with the task (docs/decisions/0005)."""
        self.cargo.install()
        importlib.import_module(f".{work}", __package__).run(self)
