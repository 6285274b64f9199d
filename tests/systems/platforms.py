# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures `netbox` and `nautobot`: one server for all tests of a run, emptied before each.

`conftest.py` offers them to the test files beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import pytest
from nautobot_server import Nautobot
from nautobot_server import nautobot as serving_nautobot
from netbox_server import NetBox
from netbox_server import netbox as serving_netbox
from platform_servers import UNAVAILABLE

S = TypeVar("S")


def started(served: Callable[[Path], AbstractContextManager[S]], folder: Path) -> Iterator[S]:
    """Yield the server; skip where it cannot be had, but fail in CI (CI=true)."""
    server = served(folder)
    try:
        running = server.__enter__()
    except UNAVAILABLE as problem:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            raise
        pytest.skip(str(problem))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def netbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetBox]:
    """A NetBox, for the whole run."""
    yield from started(serving_netbox, tmp_path_factory.mktemp("netbox"))


@pytest.fixture(scope="session")
def nautobot_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nautobot]:
    """A Nautobot, for the whole run."""
    yield from started(serving_nautobot, tmp_path_factory.mktemp("nautobot"))


@pytest.fixture
def netbox(netbox_server: NetBox) -> NetBox:
    """An empty NetBox."""
    netbox_server.reset()
    return netbox_server


@pytest.fixture
def nautobot(nautobot_server: Nautobot) -> Nautobot:
    """A Nautobot that holds what its migrations made."""
    nautobot_server.reset()
    return nautobot_server
