# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible module of a task, which takes the bundle of code out of its arguments."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from functools import cached_property
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .argspec import BUNDLE, PROGRESS, SIDES
from .bundle.compiled import CompiledModules, directory_in
from .bundle.format import Bundle
from .masking import masked, masked_text

NOT_LOGGED = "NOT_LOGGING_PARAMETER"
SHARD_STORE = "shard_store"
ADAPTER = "adapter"
"""The argument by which a task of one dataset is recognised."""

PYTHON_MINIMUM = (3, 10)
"""The oldest version of Python on which the code of a task runs. This file and what it imports also run on older ones."""

WITHOUT_ACTION = (
    "The module was run without its action plugin, which adds its code to the task; "
    "install the collection and use the full name of the module, such as dsync.core.dsync_diff."
)

WITHOUT_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
"""The variable by which pydantic does not search all installed packages for plugins, which observe validation, at its start."""

EVERY = "*"
HIDDEN = {"secrets": {EVERY: NOT_LOGGED}, "options": {"records": NOT_LOGGED}}
"""Argument of a side → its keys whose values are not shown."""


class AdapterModule(AnsibleModule):
    """An AnsibleModule that takes the code that came with the task out of its arguments before they are validated and shown.

    Attributes:
        bundle: that code.
        progress: the file from which the controller reads the progress; None if it does not.
        given: the arguments as they are shown; None where these are ``params``.
    """

    params: dict[str, Any]
    given: dict[str, Any] | None = None

    def _load_params(self) -> None:
        super()._load_params()
        self.bundle = Bundle.unpack(self.params.pop(BUNDLE, ""))
        self.progress: str | None = self.params.pop(PROGRESS, None)

    @cached_property
    def signals(self) -> Any:
        """The ``run.process.Signals`` of the task, whose file came with it."""
        return importlib.import_module(".run.process", __package__).Signals()

    def _log_invocation(self) -> None:
        """Write the invocation to the system log with secrets masked: Ansible looks for secrets in the string of a dictionary, in
        which they are escaped."""
        params = self.params
        self.params = self._shown()
        try:
            super()._log_invocation()
        finally:
            self.params = params

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        """Return a result, with secrets masked in its ``invocation``."""
        super()._return_formatted({"invocation": {"module_args": self._shown()}, **kwargs})

    def _shown(self) -> dict[str, Any]:
        """Return the arguments without the adapters' secrets, and without records, which may hold sensitive values."""
        given = self.params if self.given is None else self.given
        own = _shown_side(given) if ADAPTER in given else given
        if isinstance(own.get(SHARD_STORE), dict):
            own = {**own, SHARD_STORE: masked(own[SHARD_STORE], NOT_LOGGED)}
        return {**own, **{side: _shown_side(own[side]) for side in SIDES if own.get(side) is not None}}

    def complete(self, params: dict[str, Any]) -> None:
        """Replace the arguments with completed ones; those that were given are shown."""
        self.given, self.params = self.params, params

    def run(self, work: str) -> None:
        """Call ``run`` of ``run.<work>``, whose file came with the task (docs/decisions/0005)."""
        if tuple(sys.version_info) < PYTHON_MINIMUM:
            self.fail_json(msg=self._python_too_old())
        if not self.bundle.modules:
            self.fail_json(msg=WITHOUT_ACTION)
        os.environ.setdefault(WITHOUT_PLUGINS, "__all__")
        compiled = CompiledModules(directory_in(self._remote_tmp))
        atexit.register(compiled.keep)
        self.bundle.install(compiled)
        importlib.import_module(f".run.{work}", __package__).run(self)

    def _python_too_old(self) -> str:
        found, needed = (".".join(map(str, version[:2])) for version in (sys.version_info, PYTHON_MINIMUM))
        where = f" on {self.bundle.host}" if self.bundle.host else ""
        return (
            f"{sys.executable}{where} is Python {found}, and dsync.core requires Python {needed} or newer; "
            "set ansible_python_interpreter to such a Python, which also has pydantic."
        )


def _shown_side(side: Any) -> Any:
    """Return the arguments of a dataset with secrets masked; what is not a dictionary is masked as a whole."""
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
