# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures as sentences."""

from __future__ import annotations

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils._module.output.messages import error_context, with_host
from ansible_collections.dsync.core.plugins.module_utils.dsync.exceptions import RecordError, RecordProblem
from ansible_collections.dsync.core.plugins.module_utils.dsync.storage.paths import file_error


def test_the_host_of_a_file_is_named_once() -> None:
    error = file_error(RecordError, "/srv/a", "cannot be read; /srv/a is gone")
    assert with_host(f"x: {error}.", error, "web1") == "x: /srv/a on web1 cannot be read; /srv/a is gone."
    assert with_host(f"x: {error}.", error, "") == f"x: {error}."
    assert with_host("nothing was kept.", error, "web1") == "nothing was kept."


def test_a_longer_path_is_another_file() -> None:
    error = file_error(RecordError, "/srv/a", "is a directory")
    assert with_host(f"writing /srv/a/b, /srv/ab: {error}.", error, "web1") == f"writing /srv/a/b, /srv/ab: {error}.".replace(
        "/srv/a is", "/srv/a on web1 is"
    )


def test_a_failure_with_a_file_behind_it_names_the_host() -> None:
    problem = file_error(RecordProblem, "/srv/a", "is not encoded as UTF-8")
    with pytest.raises(TaskFailure) as caught, error_context("load()"):
        raise RecordProblem(f"host r1: {problem}") from problem
    sentence = with_host(str(caught.value), caught.value, "web1")
    assert sentence == "load() failed: host r1: /srv/a on web1 is not encoded as UTF-8."
    assert with_host("It failed.", None, "web1") == "It failed."
    assert with_host("It failed.", ValueError(), "web1") == "It failed."
