# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions as sentences for people."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from ...dsync import DSyncAction, OutcomeStatus, Result
from ...dsync._util.pydantic import ValidationError
from ...dsync._util.redaction import Redactor
from ...dsync.exceptions import AskedToEnd, DSyncException, NothingKept, Refused
from ...dsync.plan.change import Change
from ..bundle.importer import CargoLoader
from ..errors import TaskFailure

LONGEST = 2000
LONGEST_TRACEBACK = 20_000
"""Characters of a message, and of a traceback, that are shown."""

MOST_ERRORS = 3

OWN_CODE = f"{__package__.rsplit('.', 2)[0]}."


@contextmanager
def stage(doing: str) -> Iterator[None]:
    """Turn whatever a stage of the task raises into the failure of the task, told as ``doing`` and what happened.

    Raises:
        TaskFailure: in the place of every other exception, an exit and an interruption included.
    """
    try:
        yield
    except TaskFailure:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        raise TaskFailure(f"{doing} {happened(error)}") from error


def happened(error: BaseException) -> str:
    """Return the end of a sentence that says what an exception means."""
    if isinstance(error, KeyboardInterrupt):
        return f"was interrupted ({error.signal})." if isinstance(error, AskedToEnd) else "was interrupted."
    if isinstance(error, SystemExit):
        return f"called sys.exit({'' if error.code is None else repr(error.code)}){place(error)}."
    if isinstance(error, ValidationError):
        return f"met a record that does not validate: {said(error)}."
    if isinstance(error, DSyncException):
        return f"failed: {_ended(said(error))}"
    return f"raised {said(error)}{place(error)}."


def said(error: BaseException) -> str:
    """Return what an exception says in one line: its type and text, the text alone where the library raised it."""
    if isinstance(error, ValidationError):
        return f"{error.title}: {'; '.join(_fields(error))}"
    text = " ".join(str(error).split())
    name = "" if isinstance(error, DSyncException) else type(error).__name__
    return ": ".join(filter(None, (name, text))) or type(error).__name__


def traceback_of(error: BaseException | None) -> str:
    """Return the traceback of an exception and of what led to it."""
    return "" if error is None else "".join(traceback.format_exception(error))


def told(text: str, secrets: Collection[str], longest: int = LONGEST) -> str:
    """Return a text as it may be shown: without secrets, and of a long one the beginning and the end."""
    text = Redactor(secrets).redact(text)
    if len(text) <= longest:
        return text
    return f"{text[: longest * 3 // 4]} … ({len(text)} characters) … {text[-longest // 4 :]}"


def on_host(sentence: str, error: BaseException | None, host: str) -> str:
    """Return a sentence that says on which host the file is that it is about.

    Args:
        sentence: not changed where it is about no file, or nobody says which host that is.
        error: what the sentence tells of; it, or what led to it, knows the file.
        host: what the inventory calls the host.
    """
    while error is not None and not getattr(error, "file", ""):
        error = error.__cause__
    if error is None or not host:
        return sentence
    file = re.escape(error.file)  # type: ignore[attr-defined]  # the loop has seen that it has one
    return re.sub(rf"{file}(?![\w/])", lambda found: f"{found[0]} on {host}", sentence, count=1)


def drift(changes: Iterable[Change]) -> str:
    """Return the sentence that says how much is to be done to a target."""
    numbers = Counter(change.action for change in changes)
    return f"Drift: {', '.join(f'{numbers[action]} to {action}' for action in DSyncAction if numbers[action])}."


def refused(refusals: Iterable[Refused], target: str) -> str:
    """Return the sentence that says why a run was refused."""
    return f"target ({target}): nothing was changed. The run is refused: {'; '.join(map(said, refusals))}."


def failures(result: Result, target: str) -> str:
    """Return what went wrong while a target's changes were made, with how many changes ended how; an empty string when nothing did.

    Changes that the user asked to skip, such as protected ones, are no failure.
    """
    sentences = [*_failed_changes(result), *_left_changes(result), *_failed_end(result)]
    if not sentences:
        return ""
    done = f"{result.counts[OutcomeStatus.DONE.value]} of {len(result.outcomes)} changes were made."
    return f"target ({target}): {' '.join([*sentences, done])}"


def _failed_changes(result: Result) -> Iterator[str]:
    for status, ended in ((OutcomeStatus.FAILED, "failed"), (OutcomeStatus.REFUSED, "were refused")):
        found = [outcome for outcome in result.failures if outcome.status == status]
        if found:
            first = f"{found[0].change!r}: {_ended(found[0].message)}"
            others = f" The next: {', '.join(repr(outcome.change) for outcome in found[1:MOST_ERRORS])}." if found[1:] else ""
            yield f"{len(found)} of {len(result.outcomes)} changes {ended}, the first: {first}{others}"


def _left_changes(result: Result) -> Iterator[str]:
    left = sum(outcome.status == OutcomeStatus.NOT_ATTEMPTED and not outcome.skipped for outcome in result.outcomes)
    if result.interrupted is not None and result.interrupted is not result.complete_error:
        yield f"The run {happened(result.interrupted)} {left} changes were not attempted."
    elif result.stopped and left:
        yield f"The run stopped there with {left} not attempted; set the flag continue_on_failure to continue."
    elif left:
        yield f"{left} that depend on them were not attempted."


def _failed_end(result: Result) -> Iterator[str]:
    if result.complete_error is not None:
        sure = isinstance(result.complete_error, NothingKept)
        kept = "No change was kept." if sure else "The changes may not have been committed."
        yield f"sync_complete() {happened(result.complete_error)} {kept}"


def place(error: BaseException) -> str:
    """Return, as the end of a sentence, the line of an adapter's code that an exception came through last, if it was shipped."""
    lines = [
        f" ({frame.f_code.co_filename}, line {line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if isinstance(frame.f_globals.get("__loader__"), CargoLoader) and not frame.f_globals["__name__"].startswith(OWN_CODE)
    ]
    return lines[-1] if lines else ""


def _fields(error: ValidationError) -> Iterator[str]:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    for line in errors[:MOST_ERRORS]:
        yield f"{'.'.join(map(str, line['loc'])) or 'the record'}: {line['msg']}"
    if len(errors) > MOST_ERRORS:
        yield f"and {len(errors) - MOST_ERRORS} more"


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
