# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible module of a task, which takes the shipped code out of its arguments."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from .shipped import Cargo
from .spec import SHIPPED


class AdapterModule(AnsibleModule):
    """An AnsibleModule whose code for adapters is no option: it is neither validated, nor documented, nor shown.

    Attributes:
        cargo: the code that came with the task.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.cargo = Cargo.unpack(self.params.pop(SHIPPED, ""))
