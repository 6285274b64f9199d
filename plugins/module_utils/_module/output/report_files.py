# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report files of a task."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...dsync import Outcome
from ...dsync.storage.files import PRIVATE, check_writable, replacing
from ..argspec import REPORT_FORMATS
from ..datasets.side import Side
from ..errors import TaskFailure
from ..run.changeset import ChangeSet
from .messages import error_context

MODES = "use octal digits such as '0644', or symbols such as 'u=rw,g=r'; the owner must be able to read and write the file"

_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<how>[-+=])(?P<what>[rwx]*)")
_BITS = {"r": 4, "w": 2, "x": 1}
_SHIFTS = {"u": 6, "g": 3, "o": 0}


@dataclass(frozen=True)
class ReportFile:
    """A report file of a task.

    Attributes:
        path: the file.
        format: its format.
        title: its title; empty for the names of the datasets.
        mode: the file's permissions.
    """

    path: str
    format: str
    title: str
    mode: int

    def record(self) -> dict[str, str]:
        """Return the file's entry in the task's result."""
        return {"path": self.path, "format": self.format}


def report_files(params: Mapping[str, Any]) -> list[ReportFile]:
    """Return the report files of a task, after a check that each can be written.

    Raises:
        TaskFailure: a file cannot be written.
    """
    files = [_report_file(said, f"reports[{place}]") for place, said in enumerate(params["reports"])]
    for place, file in enumerate(files):
        with error_context(f"preparing reports[{place}]"):
            check_writable(file.path)
    return files


def _report_file(said: Mapping[str, Any], place: str) -> ReportFile:
    from ...dsync.report.render.formats import format_of  # only here, since most tasks need none of it

    found = said["format"] or format_of(said["path"])
    if found is None:
        known = ", ".join(REPORT_FORMATS)
        raise TaskFailure(f"{place}: the ending of {said['path']} does not determine the format; set format to one of: {known}.")
    return ReportFile(said["path"], found, said["title"] or "", _mode(said["mode"], f"{place}.mode"))


def _mode(said: Any, place: str) -> int:
    """Return the permissions of a ``mode``: octal digits, the number that YAML makes of them, or symbolic changes to 0600."""
    try:
        mode = said if isinstance(said, int) else int(str(said), 8)
    except ValueError:
        mode = _symbolic(str(said))
    if isinstance(said, bool) or not 0o600 <= mode <= 0o777 or mode & 0o600 != 0o600:
        raise TaskFailure(f"{place}: {said!r} cannot be used; {MODES}.")
    return mode


def _symbolic(said: str) -> int:
    """Return the permissions of a file of mode 0600 after symbolic changes; -1 if they are not valid."""
    mode = PRIVATE
    for found in map(_CLAUSE.fullmatch, said.split(",")):
        if found is None:
            return -1
        bits = sum(_BITS[one] for one in set(found["what"]))
        for one, shift in _SHIFTS.items():
            if one in (found["who"] or "a") or "a" in (found["who"] or "a"):
                kept = mode & ~(7 << shift) if found["how"] == "=" else mode
                mode = kept & ~(bits << shift) if found["how"] == "-" else kept | bits << shift
    return mode


def write_reports(
    files: Sequence[ReportFile],
    sides: Sequence[Side],
    work: ChangeSet,
    outcomes: Sequence[Outcome],
    hide: Callable[[str], str],
    problems: Sequence[str],
) -> Iterator[ReportFile]:
    """Write the reports of a comparison or a run, and yield each file once it is written.

    Args:
        files: the files to write.
        sides: source and target.
        work: the changes.
        outcomes: their outcomes.
        hide: masks secrets in a string.
        problems: why the run is refused, or what failed.

    Raises:
        TaskFailure: one of them could not be written.
    """
    from ...dsync.report.render.formats import rendered  # only here, since most tasks need none of it
    from ...dsync.report.report import Report, ReportSide, above

    with error_context("making the report"):
        report = Report.from_outcomes(
            outcomes,
            *(ReportSide(side.dataset.name, side.params["adapter"], sum(side.counts.values())) for side in sides[:2]),
            models=None if work.diff is None else work.diff.summary_by_model(),
            problems=problems,
            warnings=[*(() if work.diff is None else work.diff.warnings), *work.warnings],
            above=None if work.diff is None else above(work.diff),
            hide=hide,
        )
    for file in files:
        with error_context(f"writing the report {file.path}"):
            text = rendered(replace(report, title=hide(file.title)) if file.title else report, file.format)
            with replacing(file.path, file.mode) as stream:
                stream.write(text)
        yield file
