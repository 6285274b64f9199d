# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a report of a registered result."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
short_description: Render the result of a comparison or a synchronisation as a report
version_added: 0.1.0
author:
  - dsync contributors (!UNKNOWN)
description:
  - Returns a report of a registered result of M(dsync.core.dsync_diff), M(dsync.core.dsync_sync) or M(dsync.core.dsync_plan_info)
    as a string.
  - A result contains at most O(dsync.core.dsync_diff#module:max_changes) changes, and truncates long values.
    If there are more changes, the report says how many. The O(dsync.core.dsync_diff#module:reports) of the modules contain all.
positional: _input, format
options:
  _input:
    description:
      - The registered result.
    type: dict
    required: true
  format:
    description:
      - V(text) is for a terminal, V(markdown) for a comment on a merge request, V(html) is one file that a browser
        shows without a network, V(junit) shows drift as failing tests, and V(json) is for other programs.
    type: str
    choices:
      - text
      - markdown
      - html
      - junit
      - json
    default: markdown
  title:
    description:
      - Title of the report. Defaults to the names of the two datasets.
    type: str
  color:
    description:
      - Whether to color the V(text) format with the escape sequences of terminals.
    type: bool
    default: false
  max_bytes:
    description:
      - Maximum size of the V(markdown) format in bytes. Changes that do not fit are omitted, and the report says how many.
    type: int
    default: 60000
seealso:
  - module: dsync.core.dsync_diff
  - module: dsync.core.dsync_sync
  - module: dsync.core.dsync_plan_info
"""

EXAMPLES = r"""
- name: Compare the CMDB with the source of truth
  dsync.core.dsync_diff:
    source:
      adapter: adapters/sot.py:SourceOfTruth
    target:
      adapter: acme_cmdb.adapters:Cmdb
  register: cmdb

- name: Comment on the merge request
  ansible.builtin.uri:
    url: "{{ gitlab_api }}/projects/{{ project }}/merge_requests/{{ merge_request }}/notes"
    method: POST
    headers:
      PRIVATE-TOKEN: "{{ gitlab_token }}"
    body_format: json
    body:
      body: "{{ cmdb | dsync.core.report('markdown', title='What this changes in the CMDB') }}"
    status_code: 201

- name: Write the report to the controller, although the comparison ran on another host
  ansible.builtin.copy:
    content: "{{ cmdb | dsync.core.report('html') }}"
    dest: drift.html
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The report.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.dsync.report.render.formats import FORMATS, rendered
from ..module_utils.dsync.report.report import Report, ReportSide
from ..plugin_utils.registered_results import compared_results
from ..plugin_utils.suggestions import known

NAME = "dsync.core.report"
ATTEMPTED = ("done", "already_done", "failed")
"""The statuses of changes that a run has tried to make, or found made."""


def report(result: Any, format: Any = "markdown", title: Any = "", color: Any = False, max_bytes: Any = None) -> str:
    """Return a report of a result, in one of the formats."""
    if format not in tuple(FORMATS):
        raise AnsibleFilterError(f"{NAME}: format: there is no {format!r}{known(str(format), FORMATS)}.")
    results = compared_results(result, NAME)
    if len(results) != 1:
        raise AnsibleFilterError(f"{NAME}: a report is of one result, and a loop has {len(results)}; take one of its results.")
    options: dict[str, Any] = {"color": _truth(color)} if format == "text" else {}
    if format == "markdown" and max_bytes is not None:
        options["max_bytes"] = _bytes(max_bytes)
    return rendered(_report(results[0], str(title or "")), format, **options)


def _truth(said: Any) -> bool:
    try:
        return bool(boolean(said))
    except TypeError:
        raise AnsibleFilterError(f"{NAME}: color should be true or false, and is {said!r}.") from None


def _bytes(said: Any) -> int:
    number = int(said) if isinstance(said, str) and said.isdecimal() else said
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise AnsibleFilterError(f"{NAME}: max_bytes should be a number of bytes, and is {said!r}.")
    return number


def _report(result: Mapping[str, Any], title: str) -> Report:
    try:
        return Report.from_records(
            result["changes"],
            _side(result["source"]),
            _side(result["target"]),
            models=result["summary"]["by_model"],
            outcomes=result["outcomes"],
            problems=_problems(result),
            warnings=result.get("warnings", ()),
            title=title,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"{NAME}: the result is not as a task returned it ({type(error).__name__}: {error}).") from error


def _side(side: Mapping[str, Any]) -> ReportSide:
    total = side["total"]
    return ReportSide(str(side["name"]), str(side["adapter"]), None if total is None else int(total))


def _problems(result: Mapping[str, Any]) -> list[str]:
    """Return what went wrong; that there is something to do, and nothing was tried, is drift, and nothing wrong with the run."""
    outcomes = result["outcomes"]
    drifted = outcomes["not_attempted"] and not any(outcomes[status] for status in ATTEMPTED)
    if result["refusals"] or not result.get("failed") or drifted:
        return list(result["refusals"])
    return [str(result.get("msg", "the task failed"))]


class FilterModule:
    """The filter of this file's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"report": report}
