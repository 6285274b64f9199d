# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The programs of Ansible that an inventory is read with, ``ansible-inventory`` and those beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ...exceptions import LibraryMissing, RecordProblem

PROGRAM = "ansible-inventory"

_SETTINGS = {
    "ANSIBLE_ASK_PASS": "false",
    "ANSIBLE_BECOME_ASK_PASS": "false",
    "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.minimal",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    "ANSIBLE_DEBUG": "false",
    "ANSIBLE_DISPLAY_OK_HOSTS": "true",
    "ANSIBLE_FORCE_COLOR": "false",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    "ANSIBLE_INVENTORY_EXPORT": "false",
    "ANSIBLE_LOG_PATH": os.devnull,
    "ANSIBLE_NOCOLOR": "true",
    "ANSIBLE_NO_LOG": "false",
    "ANSIBLE_RETRY_FILES_ENABLED": "false",
    "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
    "ANSIBLE_VERBOSITY": "0",
}
"""What makes a program ask nobody, print only its result, only there, and fail if it cannot read a source."""


class Programs:
    """The programs of one installation of Ansible.

    Args:
        path: of ansible-inventory; None for the one beside this Python, or on the PATH.
        timeout: how many seconds a program may take.
    """

    def __init__(self, path: Path | None, timeout: float) -> None:
        self._path, self._timeout = path, timeout

    def run(self, name: str, arguments: Sequence[str], given: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a program with the settings of the user, ``ansible.cfg`` included, and return how it ended.

        Args:
            name: of the program.
            arguments: behind its name.
            given: its standard input.

        Raises:
            RecordProblem: it cannot be run, or takes too long.
            LibraryMissing: it is not installed.
        """
        command = [self._found(name), *arguments]
        try:
            return subprocess.run(  # pylint: disable=ansible-bad-function  # no AnsibleModule is known here
                command, env=_environment(), input=given.encode(), capture_output=True, timeout=self._timeout, check=False
            )
        except OSError as error:
            raise RecordProblem(f"{command[0]} cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise RecordProblem(f'{name} took longer than {self._timeout:g} seconds; give it more with "timeout"') from None

    def _found(self, name: str) -> str:
        if self._path is not None and (name == PROGRAM or self._path.with_name(name).is_file()):
            return str(self._path if name == PROGRAM else self._path.with_name(name))
        beside = Path(sys.executable).with_name(name)
        program = str(beside) if beside.is_file() else shutil.which(name)
        if program is None:
            raise LibraryMissing(f"inventories are read by the program {name}, which is not installed", "ansible-core")
        return program


def _environment() -> dict[str, str]:
    """Return the environment of a program of Ansible, which requires UTF-8."""
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    locale = next((os.environ[name] for name in names if os.environ.get(name)), "")
    utf8 = {} if "utf" in locale.lower() else {"LC_ALL": "C.UTF-8"}
    return {**os.environ, **_SETTINGS, **utf8}


def last_words(stderr: bytes) -> str:
    """Return what a program said last, or where it says that something is an error."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("[ERROR]", "ERROR!"))]
    return (errors or lines or ["it does not say why"])[-1].removeprefix("[ERROR]: ").removeprefix("ERROR! ")
