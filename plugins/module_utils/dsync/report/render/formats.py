# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The formats of reports, by name and by file extension."""

from __future__ import annotations

import importlib
from typing import Any

from ..report import Report

FORMATS = {
    "text": (".txt",),
    "markdown": (".md", ".markdown"),
    "html": (".html", ".htm"),
    "junit": (".xml",),
    "json": (".json",),
}
"""Name of a format → its file extensions."""

_RENDERERS = {**dict(zip(FORMATS, FORMATS)), "json": "json_document"}


def format_of(path: str) -> str | None:
    """Return the format of a file's extension, None if it has none."""
    return next((name for name, endings in FORMATS.items() if path.lower().endswith(endings)), None)


def rendered(report: Report, format_name: str, **options: Any) -> str:
    """Return a report in a format. The renderer is imported on demand.

    Args:
        report: the report.
        format_name: one of :data:`FORMATS`.
        options: ``color`` for ``text``, ``max_bytes`` for ``markdown``.

    Raises:
        KeyError: there is no such format.
    """
    renderer = importlib.import_module(f".{_RENDERERS[format_name]}", __package__)
    made: str = renderer.render(report, **options)
    return made
