# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages for users: of exceptions, of results, and of drift."""

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
from ..bundle.importer import OWN_CODE, BundleLoader
from ..errors import TaskFailure

LONGEST = 2000
LONGEST_TRACEBACK = 20_000
"""Characters of a message, and of a traceback, that are shown."""

MOST_ERRORS = 3


@contextmanager
def error_context(doing: str) -> Iterator[None]:
    """Convert exceptions to a failure of the task whose message is ``doing`` followed by a description of the exception.

    Raises:
        TaskFailure: instead of any other exception, SystemExit and KeyboardInterrupt included.
    """
    try:
        yield
    except TaskFailure:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        raise TaskFailure(f"{doing} {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Return a description of an exception, to follow the subject of a sentence."""
    if isinstance(error, KeyboardInterrupt):
        return f"was interrupted ({error.signal})." if isinstance(error, AskedToEnd) else "was interrupted."
    if isinstance(error, SystemExit):
        return f"called sys.exit({'' if error.code is None else repr(error.code)}){adapter_line(error)}."
    if isinstance(error, ValidationError):
        return f"met a record that does not validate: {one_line(error)}."
    if isinstance(error, DSyncException):
        return f"failed: {_with_full_stop(one_line(error))}"
    return f"raised {one_line(error)}{adapter_line(error)}."


def one_line(error: BaseException) -> str:
    """Return an exception in one line: its type and message, or only the message if the library raised it."""
    if isinstance(error, ValidationError):
        return f"{error.title}: {'; '.join(_fields(error))}"
    text = " ".join(str(error).split())
    name = "" if isinstance(error, DSyncException) else type(error).__name__
    return ": ".join(filter(None, (name, text))) or type(error).__name__


def traceback_of(error: BaseException | None) -> str:
    """Return the traceback of an exception and of its causes; an empty string for None."""
    return "" if error is None else "".join(traceback.format_exception(error))


def redact_and_truncate(text: str, secrets: Collection[str], longest: int = LONGEST) -> str:
    """Return a string with secrets masked, reduced to its beginning and its end if it is longer than ``longest``."""
    text = Redactor(secrets).redact(text)
    if len(text) <= longest:
        return text
    return f"{text[: longest * 3 // 4]} … ({len(text)} characters) … {text[-longest // 4 :]}"


def with_host(sentence: str, error: BaseException | None, host: str) -> str:
    """Return a sentence with the name of the host after the path of the file that it is about.

    Args:
        sentence: returned as it is if it is not about a file, or if the host is unknown.
        error: the exception that the sentence describes; it, or one of its causes, has the path.
        host: the inventory's name for the host.
    """
    file = ""
    while error is not None and not (file := getattr(error, "file", "")):
        error = error.__cause__
    if not file or not host:
        return sentence
    return re.sub(rf"{re.escape(file)}(?![\w/])", lambda found: f"{found[0]} on {host}", sentence, count=1)


def drift_message(changes: Iterable[Change]) -> str:
    """Return the message that counts the pending changes of a target by action."""
    numbers = Counter(change.action for change in changes)
    return f"Drift: {', '.join(f'{numbers[action]} to {action}' for action in DSyncAction if numbers[action])}."


def refusal_message(refusals: Iterable[Refused], target: str) -> str:
    """Return the message that explains why a run is refused."""
    return f"target ({target}): nothing was changed. The run is refused: {'; '.join(map(one_line, refusals))}."


def failure_message(result: Result, target: str) -> str:
    """Return the message about the failures of a run, with the number of changes that were made; an empty string if none failed.

    Changes that the user asked to skip, such as protected ones, are not failures.
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
            first = f"{found[0].change!r}: {_with_full_stop(found[0].message)}"
            others = f" The next: {', '.join(repr(outcome.change) for outcome in found[1:MOST_ERRORS])}." if found[1:] else ""
            yield f"{len(found)} of {len(result.outcomes)} changes {ended}, the first: {first}{others}"


def _left_changes(result: Result) -> Iterator[str]:
    left = sum(outcome.status == OutcomeStatus.NOT_ATTEMPTED and not outcome.skipped for outcome in result.outcomes)
    if result.interrupted is not None and result.interrupted is not result.complete_error:
        yield f"The run {describe(result.interrupted)} {left} changes were not attempted."
    elif result.stopped and left:
        yield f"The run stopped there with {left} not attempted; set the flag continue_on_failure to continue."
    elif left:
        yield f"{left} that depend on them were not attempted."


def _failed_end(result: Result) -> Iterator[str]:
    if result.complete_error is not None:
        sure = isinstance(result.complete_error, NothingKept)
        kept = "No change was kept." if sure else "The changes may not have been committed."
        yield f"sync_complete() {describe(result.complete_error)} {kept}"


def adapter_line(error: BaseException) -> str:
    """Return the last line of an adapter's code in a traceback, to end a sentence; an empty string if there is none."""
    lines = [
        f" ({frame.f_code.co_filename}, line {line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if isinstance(frame.f_globals.get("__loader__"), BundleLoader) and not frame.f_globals["__name__"].startswith(OWN_CODE)
    ]
    return lines[-1] if lines else ""


def _fields(error: ValidationError) -> Iterator[str]:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    for line in errors[:MOST_ERRORS]:
        yield f"{'.'.join(map(str, line['loc'])) or 'the record'}: {line['msg']}"
    if len(errors) > MOST_ERRORS:
        yield f"and {len(errors) - MOST_ERRORS} more"


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
