# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report as JSON, according to docs/schemas/report-1.json."""

from __future__ import annotations

import json

from ..report import Report


def render(report: Report) -> str:
    """Return a report as indented JSON with a trailing newline."""
    return json.dumps(report.data(), ensure_ascii=False, indent=2) + "\n"
