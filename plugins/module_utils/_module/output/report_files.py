# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report files of a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...dsync import Outcome
from ...dsync.storage.files import check_writable, replacing
from ..argspec import REPORT_FORMATS
from ..datasets.side import Side
from ..errors import TaskFailure
from ..run.changeset import ChangeSet
from ..run.files import file_mode
from .messages import error_context


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
    return ReportFile(said["path"], found, said["title"] or "", file_mode(said["mode"], f"{place}.mode"))


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
    from ...dsync.report.report import Report, ReportSide, above, counts_by_model

    with error_context("making the report"):
        report = Report.from_outcomes(
            outcomes,
            *(ReportSide(side.dataset.name, side.params["adapter"], sum(side.counts.values())) for side in sides[:2]),
            models=None if work.diff is None else counts_by_model(work.diff),
            problems=problems,
            warnings=[*(() if work.diff is None else work.diff.warnings), *work.warnings],
            above=None if work.diff is None else above(work.diff),
            hide=hide,
        )
    undone = f"{sides[1].dataset.name}, undo of a run" if work.undoes else ""
    for file in files:
        title = file.title or undone
        with error_context(f"writing the report {file.path}"):
            text = rendered(replace(report, title=hide(title)) if title else report, file.format)
            with replacing(file.path, file.mode) as stream:
                stream.write(text)
        yield file
