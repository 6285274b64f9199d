# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Snapshots in files: JSON Lines, a header, lines of objects and of the ids of their children, and a footer.

The header describes the models as a task declares them. The ids of the children of an object follow its line, so that nothing is
held in memory, however many there are. The checksum in the footer covers every byte before it, and shows that the file is complete
and unchanged. Sensitive attributes are left out, because the file is not encrypted.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TextIO

from ..._util.plain_json import Unwritable, plain
from ...dataset.dataset import Dataset
from ...exceptions import DSyncException, RecordError
from ...model.model import DSyncModel
from ...records.definition import data_model
from ...records.description import declarations
from ...storage.files import PRIVATE, AnyPath, lines_of, reading, replacing
from ...storage.paths import file_error
from ...storage.provenance import VERSION, now, whoami

FORMAT, FORMAT_VERSION = "dsync-snapshot", 1

_HEADER: dict[str, type] = {
    "created": str, "by": str, "dsync": str, "name": str, "models": dict, "top_level": list, "left_out": dict,
    "unmanaged": dict, "unclear": dict, "without_empty": dict,
}  # fmt: skip
_OBJECT = b'{"model":'
"""The start of the line of an object."""

_TOGETHER = 1000
"""Maximum number of ids in a line."""


class Written(NamedTuple):
    """What a snapshot contains.

    Attributes:
        counts: model → number of objects.
        left_out: model → names of its sensitive attributes, which the file does not contain.
    """

    counts: dict[str, int]
    left_out: dict[str, list[str]]


def left_out_of(dataset: Dataset) -> dict[str, list[str]]:
    """Return model → names of the sensitive attributes, which a snapshot does not contain.

    Raises:
        DSyncException: the dataset cannot be in a snapshot.
    """
    classes, found = dataset.models(), {}
    for name in (name for name in dataset.store.model_names() if name not in classes):
        raise DSyncException(f"{dataset.name} has objects of the model {name}, which its class does not declare")
    if any(dataset.unread.values()):
        raise DSyncException(f"{dataset.name} was not loaded completely")
    for name, model in classes.items():
        if names := [attribute for attribute in model._attributes if attribute in model.get_sensitive_fields()]:
            found[name] = names
    return found


def write_snapshot(dataset: Dataset, path: AnyPath, mode: int = PRIVATE) -> Written:
    """Write all objects of a loaded dataset to a file, completely or not at all.

    Args:
        dataset: not changed.
        path: the file; an existing file is replaced.
        mode: its permissions, regardless of the umask.

    Raises:
        RecordError: the file cannot be written; an existing one is unchanged.
        DSyncException: the dataset cannot be in a snapshot: not all of it was loaded, or a value has no form in a file.
    """
    left_out = left_out_of(dataset)
    declared = declarations(dataset, left_out)
    header = {
        "format": FORMAT, "version": FORMAT_VERSION, "created": now(), "by": whoami(), "dsync": VERSION,
        "name": dataset.name, "models": declared, "top_level": list(dataset.top_level), "left_out": left_out,
        "unmanaged": {model: sorted(names) for model, names in dataset.unmanaged.items() if names},
        "unclear": {model: whys for model, whys in dataset.unclear.items() if whys},
        "without_empty": {model: sorted(names) for model in declared if (names := dataset.without_empty(model))},
    }  # fmt: skip
    with replacing(path, mode) as stream:
        writer = _Writer(stream, dataset, data_model(declared, list(dataset.top_level)).models)
        writer.line(header)
        counts = {model: writer.objects(model, {*names}) for model in declared for names in [left_out.get(model, ())]}
        writer.line({"objects": sum(counts.values()), "checksum": writer.checksum.hexdigest()})
    return Written({model: number for model, number in counts.items() if number}, left_out)


class _Writer:
    """Writes the lines of a file.

    Args:
        stream: the file.
        dataset: the dataset.
        models: its models as the file declares them.
    """

    def __init__(self, stream: TextIO, dataset: Dataset, models: Mapping[str, type[DSyncModel]]) -> None:
        self._stream, self._dataset, self._models = stream, dataset, models
        self.checksum = hashlib.sha256()

    def line(self, content: Mapping[str, Any]) -> None:
        """Write one line."""
        text = json.dumps(content, separators=(",", ":")) + "\n"
        self.checksum.update(text.encode())
        self._stream.write(text)

    def objects(self, model: str, left_out: set[str]) -> int:
        """Write all objects of a model without some attributes, and return their number."""
        number = 0
        for obj in self._dataset.store.each(model):
            values = {**obj.get_identifiers(), **obj.get_attrs()}
            stored = {name: self._plain(obj, name, value) for name, value in values.items() if name not in left_out}
            self._check_id(obj, stored)
            flags = {} if obj.model_flags == type(obj)._default_flags else {"flags": obj.model_flags.value}
            self.line({"model": model, "values": stored, **flags})
            for child, field in obj.get_children_mapping().items():
                uids = list(getattr(obj, field) or ())
                for start in range(0, len(uids), _TOGETHER):
                    self.line({"children": child, "ids": uids[start : start + _TOGETHER]})
            number += 1
        return number

    @staticmethod
    def _plain(obj: DSyncModel, name: str, value: Any) -> Any:
        try:
            made, secret = plain(value)
        except Unwritable as error:
            raise DSyncException(f"{name} of {obj!r} cannot be in a snapshot: {error}") from error
        if secret:
            raise DSyncException(f"{name} of {obj!r} holds a secret; declare the attribute as sensitive to leave it out")
        return made

    def _check_id(self, obj: DSyncModel, stored: Mapping[str, Any]) -> None:
        model = self._models[obj.get_type()]
        if model.create_unique_id(**{name: stored[name] for name in model._identifiers}) != obj.get_unique_id():
            raise DSyncException(f"{obj!r} cannot be in a snapshot: its class makes unique ids in a way of its own")


# ---------------------------------------------------------------------- reading


def read_header(path: AnyPath) -> dict[str, Any]:
    """Return the header of a snapshot. Raises RecordError."""
    with reading(path) as stream:
        return _header(next(lines_of(stream, path), b""), path)


def verify(path: AnyPath, header: Mapping[str, Any]) -> None:
    """Check that a snapshot has this header, and is complete and unchanged. Raises RecordError."""
    checksum, line, objects = hashlib.sha256(), b"", 0
    with reading(path) as stream:
        for following in lines_of(stream, path):
            checksum.update(line)
            objects += line.startswith(_OBJECT)
            line = following
    if _parsed(line) != {"objects": objects, "checksum": checksum.hexdigest()} or read_header(path) != header:
        raise file_error(RecordError, path, "cannot be used: it is incomplete, or was changed after it was written")


def read_objects(path: AnyPath) -> Iterator[dict[str, Any]]:
    """Yield the lines of a snapshot between header and footer, which were verified. Raises RecordError."""
    with reading(path) as stream:
        lines = lines_of(stream, path)
        next(lines, b"")  # the header
        yield from itertools.takewhile(lambda content: "checksum" not in content, map(json.loads, lines))


def _header(line: bytes, path: AnyPath) -> dict[str, Any]:
    content = _parsed(line)
    if content is None or content.get("format") != FORMAT:
        raise file_error(RecordError, path, "is not a snapshot of dsync")
    if content.get("version") != FORMAT_VERSION:
        version = f"its format has version {content.get('version')}, and this dsync ({VERSION}) reads version {FORMAT_VERSION}"
        raise file_error(RecordError, path, f"cannot be used as a snapshot: {version}")
    if not all(isinstance(content.get(name), kind) for name, kind in _HEADER.items()):
        raise file_error(RecordError, path, "cannot be used as a snapshot: its first line is malformed")
    return content


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
