# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A journal of runs: an append-only file of JSON Lines that shows, after a crash at any moment, what was done, what may have been
done, and what was not.

A run begins with a header, all planned changes, and a line that marks them as complete; only then is a change
attempted. For each change the intent is written before the attempt, and the outcome after it; each is on disk before the run
continues. A completed run ends with a line of counts. Sensitive values are digests, as in a plan file.

Each line names its run, so runs that append at the same time can be distinguished. A line that names no run, as in journals of
earlier releases, belongs to the last header before it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..dataset.dataset import Dataset
from ..exceptions import RecordError
from ..plan.change import Change, ChangeKey
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.plan import Plan
from ..plan.undo import reaching
from .change_lines import ChangeWriter, Malformed, encoded_line, read_change
from .digests import SecretDigester, new_salt
from .files import LONGEST_LINE, PRIVATE, AnyPath, check_regular, lines_of, reading, sync_directory, wrap_os_errors
from .paths import absolute, file_error
from .plan_file import counts_of, declared_sides
from .provenance import VERSION, now, whoami
from .stored_plan import StoredPlan, undo_stored

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ..plan.result import Result

FORMAT, FORMAT_VERSION = "dsync-journal", 3

_LACKING: dict[int, dict[str, Any]] = {
    1: {"before_parent": None, "parts": [], "step": 0, "before_id": None, "before_ids": None},
    2: {"step": 0, "before_id": None, "before_ids": None},
    FORMAT_VERSION: {},
}
"""Version of a run's format → what the line of a change lacks in it: earlier releases knew no moves, or no renames and steps."""

_BATCH = 1024 * 1024
_MAYBE_TEXT = (str, type(None))
_HEADER: dict[str, type | tuple[type, ...]] = {
    "run": str, "purpose": str, "when": str, "by": str, "source": _MAYBE_TEXT, "target": str, "plan_digest": _MAYBE_TEXT,
    "flags": list, "changes": int, "declared": dict, "salt": str, "key_check": _MAYBE_TEXT,
}  # fmt: skip


class Journal:
    """Records one run at the end of a journal; a :class:`~.outcome.Recorder` for :func:`.apply.apply`, and a context manager.

    Args:
        path: the file; created if it does not exist.
        plan: the plan to apply, with real values.
        source: the dataset from which the values come, if there is one.
        target: the dataset to change.
        flags: names of the run's flags.
        plan_digest: the digest of the plan's file, if it has one.
        purpose: the purpose of the run, such as ``sync`` or ``undo``.
        scope: what has narrowed or protected the changes, in plain JSON.
        key: a passphrase for the digests of sensitive values.
        mode: the file's permissions if it is created.

    Attributes:
        run: the run's id.

    Raises:
        RecordError: the file cannot be written; no change was attempted.
    """

    def __init__(
        self,
        path: AnyPath,
        plan: Plan,
        *,
        source: Dataset | None,
        target: Dataset,
        flags: Iterable[str] = (),
        plan_digest: str | None = None,
        purpose: str = "sync",
        scope: Mapping[str, Any] | None = None,
        key: str | None = None,
        mode: int = PRIVATE,
    ) -> None:
        self.run = secrets.token_hex(8)
        self._path = path
        self._numbers = {change.key: number for number, change in enumerate(plan)}
        digester = SecretDigester(new_salt(), key)
        header = {
            "line": "run",
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "run": self.run,
            "purpose": purpose,
            "when": now(),
            "by": whoami(),
            "dsync": VERSION,
            "source": None if source is None else source.name,
            "target": target.name,
            "plan_digest": plan_digest,
            "flags": sorted(flags),
            "scope": dict(scope or {}),
            "changes": len(plan),
            "counts": counts_of(plan),
            "declared": declared_sides(source, target),
            "salt": digester.salt,
            "key_check": digester.check,
        }
        self._descriptor = _opened(path, mode)
        try:
            self._begin(header, plan, ChangeWriter(digester, lenient=True))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def intend(self, *changes: Change) -> None:
        """Record that changes are about to be attempted."""
        self._append(*(self._line("intent", n=self._numbers[change.key], when=now()) for change in changes))

    def record(self, *outcomes: Outcome) -> None:
        """Record the outcomes of changes; they replace earlier outcomes of the same changes."""
        self._append(
            *(
                self._line(
                    "outcome",
                    n=self._numbers[outcome.change.key],
                    status=outcome.status.value,
                    message=outcome.message,
                    maybe=outcome.maybe,
                    when=now(),
                )
                for outcome in outcomes
            )
        )

    def finish(self, result: Result) -> None:
        """Record that the run is complete.

        Args:
            result: the result of the plan.
        """
        error = result.complete_error
        failed = None if error is None else type(error).__name__
        self._append(self._line("end", when=now(), counts=result.counts, complete_error=failed))

    def _line(self, kind: str, **said: Any) -> dict[str, Any]:
        return {"line": kind, "run": self.run, **said}

    def _begin(self, header: dict[str, Any], plan: Plan, writer: ChangeWriter) -> None:
        torn = os.fstat(self._descriptor).st_size > 0 and not _ends_whole(self._path)
        batch = [("\n" + encoded_line({"line": "torn"}) if torn else "").encode() + encoded_line(header).encode()]
        room = _BATCH
        for number, change in enumerate(plan):
            line = encoded_line(self._line("change", n=number, change=writer.line(change))).encode()
            if len(line) > LONGEST_LINE:
                raise file_error(RecordError, self._path, f"cannot be written: {change!r} has more than {LONGEST_LINE} bytes")
            batch.append(line)
            room -= len(line)
            if room < 0:
                self._write(b"".join(batch))
                batch, room = [], _BATCH
        self._write(b"".join(batch))
        self._append(self._line("ready"))
        with wrap_os_errors(self._path, "written"):
            sync_directory(Path(os.path.realpath(self._path)).parent)

    def _append(self, *lines: dict[str, Any]) -> None:
        self._write("".join(map(encoded_line, lines)).encode())
        with wrap_os_errors(self._path, "written"):
            os.fsync(self._descriptor)

    def _write(self, data: bytes) -> None:
        """Append all bytes; if that fails, truncate the part that was written, unless another run has written since."""
        with wrap_os_errors(self._path, "written"):
            before = os.fstat(self._descriptor).st_size
            left = memoryview(data)
            try:
                while left:
                    left = left[os.write(self._descriptor, left) :]
            except OSError:
                with contextlib.suppress(OSError):
                    if os.fstat(self._descriptor).st_size == before + len(data) - len(left):
                        os.ftruncate(self._descriptor, before)
                raise


def _opened(path: AnyPath, mode: int) -> int:
    """Return a file descriptor for appending."""
    with wrap_os_errors(path, "written"):
        check_regular(path)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)


def _ends_whole(path: AnyPath) -> bool:
    with reading(path) as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


# ---------------------------------------------------------------------- reading


@dataclass(frozen=True)
class RunReport:
    """The record of one run in a journal. Every planned change is in exactly one of the lists; values are plain JSON, with
    digests instead of sensitive values.

    Attributes:
        run: the run's id.
        purpose: the purpose of the run.
        when: the time at which it began (UTC).
        by: the user who started it, as user@host.
        source: the name of the dataset from which the values came, None if there was none.
        target: the name of the dataset that was changed.
        plan_digest: the digest of the plan's file, None if it had none.
        flags: the names of the run's flags.
        scope: what has narrowed or protected the changes, as given to :class:`Journal`.
        done: changes that were made, in order.
        maybe: changes that may have been made, completely or partly: they were intended, or interrupted, without a known outcome.
        said: key of such a change → why it may have been made, if the run itself recorded it.
        already_done: changes that were already in effect before the run.
        failed: (change, message).
        refused: (change, message).
        not_attempted: the changes that were not attempted.
        ended: whether the run completed.
        torn: whether a line of it is incomplete, as after a crash while it was written.
        counts: outcome → number, as counted by the run at its end; None if it did not complete.
        complete_error: the type of the exception that ``sync_complete`` raised; then the changes in ``done`` may not be written.
        stored: the stored form of the changes, for :meth:`undo`.
    """

    run: str
    purpose: str
    when: str
    by: str
    source: str | None
    target: str
    plan_digest: str | None
    flags: tuple[str, ...]
    scope: Mapping[str, Any]
    done: tuple[Change, ...]
    maybe: tuple[Change, ...]
    said: dict[ChangeKey, str]
    already_done: tuple[Change, ...]
    failed: tuple[tuple[Change, str], ...]
    refused: tuple[tuple[Change, str], ...]
    not_attempted: tuple[Change, ...]
    ended: bool
    torn: bool
    counts: dict[str, int] | None
    complete_error: str | None
    stored: StoredPlan = field(repr=False)

    def undo(self) -> StoredPlan:
        """Return the plan that reverses what was done and what may have been done: to be bound, checked with
        :func:`.staleness.check`, which finds out what was not done, and applied; or to be written to a file."""
        return undo_stored(reaching(self.stored, self.done, self.maybe), self.stored)


def read(path: AnyPath) -> list[RunReport]:
    """Return what a journal reports about its runs, the oldest first.

    Args:
        path: the file.

    Raises:
        RecordError: the file cannot be read, or is no journal, or a line other than the last one of a run is torn.
    """
    with reading(path) as stream:
        reader = _Reader(absolute(path))
        for number, line, torn in _with_tears(absolute(path), lines_of(stream, path)):
            reader.take(number, line, torn)
    return [run.report() for run in reader.runs]


def _with_tears(path: str, lines: Iterable[bytes]) -> Iterator[tuple[int, Any, bool]]:
    """Yield (number, what the line says, False) for each whole line, and (number, None, True) for a torn one: the last of the
    file, or one after which a later run noted that it is torn."""
    before: tuple[int, bytes] | None = None
    for number, line in enumerate(lines, 1):
        torn = _parsed_line(line) == {"line": "torn"}
        if before is not None:
            yield (before[0], None, True) if torn else (before[0], _whole(path, *before), False)
        before = None if torn else (number, line)
    if before is not None:
        whole = before[1].endswith(b"\n")
        parsed = _parsed_line(before[1]) if whole else None
        if parsed is None and whole and before[0] == 1:
            _fail(path, "it is not a journal of dsync")
        yield before[0], parsed, parsed is None


def _parsed_line(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _whole(path: str, number: int, line: bytes) -> Any:
    parsed = _parsed_line(line)
    if parsed is None:
        _fail(path, f"line {number} is malformed")
    return parsed


def _fail(path: str, why: str) -> NoReturn:
    raise file_error(RecordError, path, f"cannot be used as a journal: {why}")


class _Reader:
    """Takes the lines of a journal one by one."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.runs: list[_ReadRun] = []
        self._by_id: dict[str, _ReadRun] = {}

    def take(self, number: int, line: Any, torn: bool) -> None:
        try:
            if torn:
                self._take_torn(number)
            elif line["line"] == "run":
                self.runs.append(_ReadRun(self._path, line))
                self._by_id[line["run"]] = self.runs[-1]
            elif line["line"] not in _ReadRun.TAKERS:
                raise Malformed("its kind is unknown")
            else:
                _ReadRun.TAKERS[line["line"]](self._run_of(line), line)
        except Malformed as error:
            _fail(self._path, f"line {number} is malformed: {error}")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            _fail(self._path, f"line {number} is malformed" if self.runs else "it is not a journal of dsync")

    def _run_of(self, line: dict[str, Any]) -> _ReadRun:
        if "run" not in line:
            return self.runs[-1]
        if line["run"] not in self._by_id:
            raise Malformed("its run has no header")
        return self._by_id[line["run"]]

    def _take_torn(self, number: int) -> None:
        if self.runs:
            writing = [run for run in self.runs if not run.ended]
            [*self.runs, *writing][-1].torn = True
        elif number > 1:
            raise Malformed("it is incomplete")


def _completed(line: dict[str, Any], lacking: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a change, and those of its parts, with what it lacks."""
    if not lacking:
        return line
    whole = {**lacking, **line}
    return {**whole, "parts": [_completed(part, lacking) for part in whole["parts"]]}


class _ReadRun:
    """What is known so far of one run."""

    def __init__(self, path: str, header: dict[str, Any]) -> None:
        if header["format"] != FORMAT:
            raise Malformed("it is not a line of a dsync journal")
        if header["version"] not in _LACKING:
            raise Malformed(f"its format has version {header['version']}, and this dsync ({VERSION}) reads 1 to {FORMAT_VERSION}")
        self._path, self._header = path, header
        self._changes: list[Change] = []
        self._intended: set[int] = set()
        self._outcomes: dict[int, tuple[OutcomeStatus, str, bool]] = {}
        self._end: dict[str, Any] | None = None
        self.torn = False
        if not all(isinstance(header[name], kinds) for name, kinds in _HEADER.items()):
            raise Malformed("the header is incomplete")
        bytes.fromhex(header["salt"])

    @property
    def ended(self) -> bool:
        """Whether the line that ends the run was read."""
        return self._end is not None

    def _change(self, line: dict[str, Any]) -> None:
        if line["n"] != len(self._changes):
            raise Malformed("a change is out of place")
        self._changes.append(read_change(_completed(line["change"], _LACKING[self._header["version"]]))[0])

    def _ready(self, line: dict[str, Any]) -> None:
        if len(self._changes) != self._header["changes"]:
            raise Malformed("changes are missing before it")

    def _number(self, line: dict[str, Any]) -> int:
        number = line["n"]
        if not isinstance(number, int) or not 0 <= number < len(self._changes):
            raise Malformed("there is no such change")
        return number

    def _intent(self, line: dict[str, Any]) -> None:
        self._intended.add(self._number(line))

    def _outcome(self, line: dict[str, Any]) -> None:
        self._outcomes[self._number(line)] = (OutcomeStatus(line["status"]), str(line["message"]), bool(line["maybe"]))

    def _ended(self, line: dict[str, Any]) -> None:
        self._end = {"counts": dict(line["counts"]), "complete_error": line["complete_error"]}

    TAKERS = {"change": _change, "ready": _ready, "intent": _intent, "outcome": _outcome, "end": _ended}

    def report(self) -> RunReport:
        """Return what is known of the run now."""
        header, end = self._header, self._end or {}
        lists = self._sorted()
        return RunReport(
            run=header["run"],
            purpose=header["purpose"],
            when=header["when"],
            by=header["by"],
            source=header["source"],
            target=header["target"],
            plan_digest=header["plan_digest"],
            flags=tuple(header["flags"]),
            scope=header.get("scope", {}),
            done=tuple(change for change, _message in lists["done"]),
            maybe=tuple(change for change, _message in lists["maybe"]),
            said={change.key: message for change, message in lists["maybe"] if message},
            already_done=tuple(change for change, _message in lists["already_done"]),
            failed=tuple(lists["failed"]),
            refused=tuple(lists["refused"]),
            not_attempted=tuple(change for change, _message in lists["not_attempted"]),
            ended=self.ended,
            torn=self.torn,
            counts=end.get("counts"),
            complete_error=end.get("complete_error"),
            stored=StoredPlan(self._changes, self._path, header["salt"], header["key_check"], header["declared"], {}),
        )

    def _sorted(self) -> dict[str, list[tuple[Change, str]]]:
        lists: dict[str, list[tuple[Change, str]]] = {status.value: [] for status in OutcomeStatus}
        lists["maybe"] = []
        touched: set[ChangeKey] = set()
        for number, change in enumerate(self._changes):
            status, message = self._status(number, change, touched)
            lists[status].append((change, message))
            if status in ("done", "maybe"):
                touched.add(change.key)
        return lists

    def _status(self, number: int, change: Change, touched: set[ChangeKey]) -> tuple[str, str]:
        """Return how a change ended as far as is known. What goes along with its parent went, or may have gone, with it."""
        status, message, maybe = self._outcomes.get(number, (OutcomeStatus.NOT_ATTEMPTED, "", False))
        unknown = number not in self._outcomes and number in self._intended
        along = change.cascade and status == OutcomeStatus.NOT_ATTEMPTED and not touched.isdisjoint(change.requires)
        return ("maybe" if maybe or unknown or along else status.value), message
