# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of the adapter ``inventory``."""

from __future__ import annotations

from typing import Annotated

from ..._util.pydantic import AfterValidator, Field
from ..core.options import Names, Options, Seconds, Text

PLAY = "play"
"""The source that is the inventory of the play in which the task runs."""


def _sources(value: str | list[str]) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not names:
        raise ValueError("it is empty.")
    if PLAY in names and len(names) > 1:
        raise ValueError("the inventory of the play comes alone; name its files instead.")
    return names


class InventoryOptions(Options):
    """Options of the adapter ``inventory``."""

    source: Annotated[Text | Names, AfterValidator(_sources)] = Field(
        PLAY,
        validate_default=True,
        description="Whatever `ansible-inventory` reads: a file, a directory, a script, the configuration of a plugin, or a list "
        "of these. Or `play`, the inventory of the play in which the task runs.",
    )
    variables: Names | None = Field(None, description="Names of the variables that records have. Defaults to all.")
    limit: Text | None = Field(None, description="Pattern of the hosts that are read, such as `web:&paris`. Defaults to all.")
    vault_password_file: Text | None = Field(
        None,
        description="File with a password of Ansible Vault, or a program that prints it, in addition to those of Ansible's "
        "settings. With a password, sensitive attributes are written encrypted.",
    )
    ansible_inventory: Text | None = Field(
        None,
        description="Path of the program `ansible-inventory`, in whose directory `ansible-vault` is. Defaults to the one next "
        "to this Python, or on the PATH.",
    )
    timeout: Seconds = Field(60.0, description="Maximum seconds that a program may take.")
