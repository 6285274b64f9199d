# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Plans in files: JSON Lines, a header, one line a change, and a footer.

The footer has two digests. The plan's digest is used for approval: it covers what would be done, where, and from which source, and
is the same for the same changes, regardless of who plans them and when, and of the order in which the datasets were loaded. The
checksum covers every byte before it, and shows that the file is complete and unchanged.

A file contains digests of sensitive values, never the values (:mod:`.storage.digests` documents the protection: use a
``key`` if secrets could be guessed). When the plan is prepared, the digest of the source's live value must still match the one in
the plan.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .._util.gc import relaxed_collector
from ..dataset.dataset import Dataset
from ..exceptions import RecordError, Refused
from ..model.identity import ObjectRef
from ..plan.change import Change, ChangeKey
from ..plan.plan import Plan
from ..plan.subtrees import ignored_children
from . import schema
from .change_lines import ChangeWriter, Malformed, encoded_line, read_change
from .digests import SALT_DIGITS, SecretDigester
from .files import LONGEST_LINE, PRIVATE, AnyPath, lines_of, reading, replacing
from .paths import absolute, file_error
from .provenance import VERSION, now, whoami
from .schema import fingerprint
from .stored_plan import StoredPlan

FORMAT, FORMAT_VERSION = "dsync-plan", 3

PLACEHOLDER = "{digest}"
"""Represents the first digits of a plan's digest in the name of its file."""

DIGITS = 16
"""How many of them."""

_CONTENT = ("purpose", "source", "target", "flags", "fingerprint")
"""The parts of a header that the plan's digest covers."""

_FOOTER = {"changes", "checksum", "digest"}
_HEADER: dict[str, type | tuple[type, ...]] = {
    "format": str, "version": int, "purpose": str, "created": str, "by": str, "dsync": str, "source": dict, "target": dict,
    "flags": list, "changes": int, "counts": dict, "scope": dict, "fingerprint": str, "declared": dict, "salt": str,
    "key_check": (str, type(None)),
}  # fmt: skip


class SavedPlan(StoredPlan):
    """A plan from a complete and unchanged file.

    Attributes:
        header: the header of the file: purpose, created, by, dsync, source, target, flags, changes, counts, scope, fingerprint.
        digest: the digest of the plan, by which it is approved.
    """

    def __init__(self, path: str, header: dict[str, Any], changes: Iterable[Change], leaves: Any, digest: str) -> None:
        super().__init__(changes, path, header["salt"], header["key_check"], header["declared"], leaves)
        self.header, self.digest = header, digest
        self.undoes = header["purpose"] == "undo"


__all__ = ("FORMAT", "FORMAT_VERSION", "SavedPlan", "fingerprint", "load", "path_of", "save", "save_once")


def save(
    plan: Plan | StoredPlan,
    path: AnyPath,
    *,
    source: Dataset | None,
    target: Dataset,
    flags: Iterable[str] = (),
    adapters: tuple[str | None, str | None] = (None, None),
    purpose: str = "sync",
    scope: Mapping[str, Any] | None = None,
    key: str | None = None,
    mode: int = PRIVATE,
    created: str | None = None,
    by: str | None = None,
    salt: str | None = None,
) -> str:
    """Write a plan to a file, completely or not at all, and return the plan's digest.

    The salt of the digests of sensitive values is derived from the rest of the plan, so the same changes have the
    same digest, and plans that differ in anything else have another salt.

    Args:
        plan: the plan; one that comes from a file keeps that file's digests of sensitive values, and requires its ``key``.
        path: the file; an existing file is replaced.
        source: the dataset from which the plan's values come; None if there is none, as for an undo.
        target: the dataset to which the plan will be applied, in the state for which the plan was made.
        flags: names of the flags with which the datasets were compared.
        adapters: names of the source's and target's adapters. Defaults to the names of their classes.
        purpose: the purpose of the plan, such as ``sync`` or ``undo``.
        scope: what has narrowed or protected the changes, in plain JSON.
        key: a passphrase for the digests of sensitive values.
        mode: the file's permissions.
        created: the time. Defaults to the current time.
        by: the author. Defaults to user@host.
        salt: the digests' salt, as hexadecimal digits. Defaults to one that is derived from the plan.

    Raises:
        RecordError: the file cannot be written, or a value has no JSON form. An existing file is unchanged.
        Refused: ``plan`` comes from a file that was written with another key.
    """
    document = _Document(plan, source, target, flags, adapters, purpose, scope, key, salt)
    return document.write(path, mode, created or now(), by or whoami())


def save_once(
    plan: Plan,
    path: AnyPath,
    *,
    source: Dataset,
    target: Dataset,
    flags: Iterable[str] = (),
    adapters: tuple[str | None, str | None] = (None, None),
    scope: Mapping[str, Any] | None = None,
    key: str | None = None,
    mode: int = PRIVATE,
) -> tuple[str, str]:
    """Write a plan to a file, unless the same plan is in it; return the path and the plan's digest.

    Args:
        path: the file. The first ``{digest}`` in its name becomes the first digits of the plan's digest, so that no plan takes the
            place of another one, which may wait for approval. Otherwise a file that holds anything else is replaced.
        plan, source, target, flags, adapters, scope, key, mode: as for :func:`save`. A file that is kept keeps its mode.

    Raises:
        RecordError: the file cannot be written, or a value has no JSON form. A file that was there before is unchanged.
    """
    document = _Document(plan, source, target, flags, adapters, "sync", scope, key)
    path = absolute(path)
    if PLACEHOLDER in Path(path).name or os.path.lexists(path):
        digest = document.digest()
        path = path_of(path, digest)
        if document.is_in(path, digest):
            return path, digest
    return path, document.write(path, mode, now(), whoami())


def digest_of(
    plan: Plan,
    *,
    source: Dataset,
    target: Dataset,
    flags: Iterable[str] = (),
    adapters: tuple[str | None, str | None] = (None, None),
    scope: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> str:
    """Return the digest that :func:`save` would return for the same arguments."""
    return _Document(plan, source, target, flags, adapters, "sync", scope, key).digest()


def path_of(path: AnyPath, digest: str) -> str:
    """Return the path of a plan's file: the first ``{digest}`` in its name is replaced by the first digits of a digest.

    Raises:
        Refused: the name needs a digest, and the given text is not one.
    """
    folder, name = os.path.split(path)
    if PLACEHOLDER not in name:
        return os.fspath(path)
    found = re.fullmatch(r"(?:sha256:)?([0-9a-f]{64})", digest.strip().lower())
    if found is None:
        raise Refused(f"{digest} is not the digest of a plan, which has 64 digits from 0 to f")
    return os.path.join(folder, name.replace(PLACEHOLDER, found[1][:DIGITS], 1))  # noqa: PTH118  # a text, as it was given


class _Document:
    """What is written: a plan and the header of its file. The arguments are those of :func:`save`."""

    def __init__(
        self,
        plan: Plan | StoredPlan,
        source: Dataset | None,
        target: Dataset,
        flags: Iterable[str],
        adapters: tuple[str | None, str | None],
        purpose: str,
        scope: Mapping[str, Any] | None,
        key: str | None,
        salt: str | None = None,
    ) -> None:
        self._plan = plan
        leaves = getattr(plan, "leaves", None)
        self._leaves = ignored_children(plan, target) if leaves is None else leaves
        self._declared, self._scope = declared_sides(source, target), dict(scope or {})
        self._content = {
            "purpose": purpose,
            "source": _side(source, adapters[0]),
            "target": _side(target, adapters[1]),
            "flags": sorted(flags),
            "fingerprint": fingerprint(target, source),
        }
        self._digester = plan.digester(key) if isinstance(plan, StoredPlan) else SecretDigester(salt or self._salt(), key)

    def _salt(self) -> str:
        """Return the salt of a plan, made from all but its sensitive values."""
        return _digest_of_plan(self._content, map(_digest_of_change, self._lines(None)))[:SALT_DIGITS]

    def _lines(self, digester: SecretDigester | None) -> Iterator[dict[str, Any]]:
        """Yield the lines of the changes; without a digester, sensitive values are left out."""
        writer = ChangeWriter(digester, digester is not None and isinstance(self._plan, StoredPlan))
        return (writer.line(change, self._leaves.get(change.key, ())) for change in self._plan)

    def digest(self) -> str:
        """Return the plan's digest."""
        return f"sha256:{_digest_of_plan(self._content, map(_digest_of_change, self._lines(self._digester)))}"

    def _header(self, created: str, by: str) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            **self._content,
            "created": created,
            "by": by,
            "dsync": VERSION,
            "changes": len(self._plan),
            "counts": counts_of(self._plan),
            "scope": self._scope,
            "declared": self._declared,
            "salt": self._digester.salt,
            "key_check": self._digester.check,
        }

    def is_in(self, path: AnyPath, digest: str) -> bool:
        """Return whether a file holds this plan, of this digest, whenever and by whomever it was made."""
        try:
            found = load(path)
        except RecordError:
            return False
        header = self._header(found.header["created"], found.header["by"])
        return found.digest == digest and found.header == {**header, "dsync": found.header["dsync"]}

    def write(self, path: AnyPath, mode: int, created: str, by: str) -> str:
        """Write the file, whole or not at all, and return the plan's digest. Raises RecordError."""
        digests, header = _Digests(), self._header(created, by)
        with replacing(path, mode) as stream:
            for line in itertools.chain([header], self._lines(self._digester)):
                text = encoded_line(line)
                _check_length(path, text)
                digests.add(text.encode(), None if line is header else line)
                stream.write(text)
            stream.write(_footer(len(self._plan), digests, self._content))
        return digests.of_the_plan(self._content)


class _Digests:
    """The two digests of a file, made line by line."""

    def __init__(self) -> None:
        self._bytes = hashlib.sha256()
        self._changes: list[bytes] = []

    def add(self, text: bytes, change: dict[str, Any] | None = None) -> None:
        """Add the next line: its bytes, and the change that it represents, if any."""
        self._bytes.update(text)
        if change is not None:
            self._changes.append(_digest_of_change(change))

    def of_the_plan(self, content: dict[str, Any]) -> str:
        """Return the digest of the plan with this header content."""
        return f"sha256:{_digest_of_plan(content, self._changes)}"

    def of_the_file(self) -> str:
        """Return the checksum of every byte: SHA-256 without a prefix, so that it is not confused with the digest to approve."""
        return self._bytes.hexdigest()


def _digest_of_change(line: dict[str, Any]) -> bytes:
    return hashlib.sha256(_canonical({**line, "requires": sorted(line["requires"])})).digest()


def _digest_of_plan(content: dict[str, Any], changes: Iterable[bytes]) -> str:
    """Return a digest over a header's content and the digests of changes, independent of their order."""
    digest = hashlib.sha256(_canonical(content))
    for change in sorted(changes):
        digest.update(change)
    return digest.hexdigest()


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _footer(changes: int, digests: _Digests, content: dict[str, Any]) -> str:
    return encoded_line({"changes": changes, "checksum": digests.of_the_file(), "digest": digests.of_the_plan(content)})


def _check_length(path: AnyPath, line: str) -> None:
    if len(line) * 4 > LONGEST_LINE and len(line.encode()) > LONGEST_LINE:
        raise file_error(RecordError, path, f"cannot be written: a change has more than {LONGEST_LINE} bytes")


def _side(dataset: Dataset | None, adapter: str | None) -> dict[str, str]:
    return {} if dataset is None else {"name": dataset.name, "adapter": adapter or type(dataset).__name__}


def declared_sides(source: Dataset | None, target: Dataset) -> dict[str, dict[str, str]]:
    """Return ``source`` and ``target`` → the declarations of their models."""
    sides = {"source": source, "target": target}
    return {side: schema.declared(dataset) for side, dataset in sides.items() if dataset is not None}


def counts_of(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Return model → action → number of changes, in alphabetical order."""
    found = Counter((change.model, change.action.value) for change in changes)
    counts: dict[str, dict[str, int]] = {}
    for (model, action), number in sorted(found.items()):
        counts.setdefault(model, {})[action] = number
    return counts


# ---------------------------------------------------------------------- reading


def load(path: AnyPath, approved: str | None = None) -> SavedPlan:
    """Read a plan from a file.

    Args:
        path: the file.
        approved: the digest of the approved plan, if the plan must match it.

    Raises:
        RecordError: the file cannot be read, is not a plan, has another version, is truncated, or was changed.
        Refused: it is a valid plan, but not the approved one.
    """
    with reading(path) as stream, relaxed_collector():
        reader = _Reader(absolute(path), lines_of(stream, path))
        plan = reader.plan()
    if approved is not None and approved.strip().lower() not in (plan.digest, plan.digest.partition(":")[2]):
        raise file_error(Refused, path, f"is not the approved plan: its digest is {plan.digest}, approved is {approved}")
    return plan


class _Reader:
    """Reads one plan line by line; only one line is held in memory in addition to the changes."""

    def __init__(self, path: str, lines: Iterator[bytes]) -> None:
        self._path, self._lines = path, lines
        self._number = 0
        self._digests = _Digests()
        self._changes: list[Change] = []
        self._seen: set[ChangeKey] = set()
        self._leaves: dict[ChangeKey, frozenset[ObjectRef]] = {}

    def plan(self) -> SavedPlan:
        header = self._header()
        for _place in range(header["changes"]):
            text = self._next()
            line = self._parsed(text)
            self._take(line)
            self._digests.add(text, line)
        content = {name: header[name] for name in _CONTENT}
        footer = self._next()
        if footer != _footer(len(self._changes), self._digests, content).encode():
            self._bad_footer(footer)
        if next(self._lines, None) is not None:
            self._fail("something was added after its end")
        if counts_of(self._changes) != header["counts"]:
            self._fail("its header does not match its changes")
        return SavedPlan(self._path, header, self._changes, self._leaves, self._digests.of_the_plan(content))

    def _fail(self, why: str) -> NoReturn:
        raise file_error(RecordError, self._path, f"cannot be used as a plan: {why}")

    def _next(self) -> bytes:
        """Return the next line, which must be complete."""
        line = next(self._lines, b"")
        self._number += 1
        if not line.endswith(b"\n"):
            self._fail(f"it is truncated at line {self._number}")
        return line

    def _parsed(self, line: bytes) -> Any:
        try:
            return json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            self._fail(f"line {self._number} is malformed, so it was changed after it was written")

    def _header(self) -> dict[str, Any]:
        line = next(self._lines, b"")
        self._number = 1
        if not line:
            self._fail("it is empty")
        self._digests.add(line)
        header = _loaded(line)
        if not isinstance(header, dict) or header.get("format") != FORMAT or not isinstance(header.get("version"), int):
            self._fail("it is not a plan of dsync")
        if header["version"] != FORMAT_VERSION:
            way = "use that release" if header["version"] > FORMAT_VERSION else "make the plan again"
            this = f"this dsync ({VERSION}) reads version {FORMAT_VERSION}"
            self._fail(f"its format is version {header['version']} of another release, and {this}; {way}")
        if not line.endswith(b"\n"):
            self._fail("it is truncated at line 1")
        if not _fits_header(header):
            self._fail("its header is malformed")
        return header

    def _take(self, line: Any) -> None:
        try:
            change, leaves = read_change(line)
        except Malformed as error:
            truncated = isinstance(line, dict) and line.keys() == _FOOTER
            self._fail("lines are missing" if truncated else f"line {self._number} is malformed: {error}")
        if change.key in self._seen or not self._seen.issuperset(change.requires):
            self._fail(f"line {self._number} is out of place, so it was changed after it was written")
        self._seen.add(change.key)
        self._changes.append(change)
        if leaves:
            self._leaves[change.key] = leaves

    def _bad_footer(self, footer: bytes) -> NoReturn:
        said = _loaded(footer)
        if isinstance(said, dict) and said.keys() == _FOOTER:
            self._fail("it was changed after it was written: its digest does not match its content")
        self._fail("it does not end where its header says, so it was changed after it was written")


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _is(value: Any, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _fits_header(header: dict[str, Any]) -> bool:
    if header.keys() != _HEADER.keys() or not all(_is(header[name], kinds) for name, kinds in _HEADER.items()):
        return False
    checks: tuple[Callable[[], bool], ...] = (
        lambda: header["changes"] >= 0,
        lambda: set(header["declared"]) <= {"source", "target"},
        lambda: all(_is_texts(side) for side in header["declared"].values()),
        lambda: len(bytes.fromhex(header["salt"])) > 0,
    )
    try:
        return all(check() for check in checks)
    except ValueError:
        return False


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
