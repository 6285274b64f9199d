# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``snapshot``: a dataset as it was when dsync_export wrote it to a file; it is only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._util.pydantic import Field, ValidationError
from ...adapter import DSync
from ...dataset.bulk_load import BATCH
from ...dataset.dataset import Dataset
from ...exceptions import ObjectAlreadyExists, RecordError
from ...flags import DSyncAction, DSyncModelFlags
from ...model.columns import METHODS
from ...model.model import DSyncModel
from ...records.definition import data_model, derived
from ...records.types import or_none
from ...storage.encoding import Fields, NotTheSame, from_plain
from ...storage.paths import absolute, file_error
from ..core.options import Options, Text
from .snapshot_file import read_header, read_objects, verify

_Model = type[DSyncModel]


class SnapshotOptions(Options):
    """Options of the adapter ``snapshot``."""

    path: Text = Field(description="The file, an absolute path.")


class SnapshotAdapter(DSync):
    """The objects in a snapshot.

    It has the models that the file describes; :meth:`read_as` takes those of the dataset with which it is compared.

    Args:
        options: those of :class:`SnapshotOptions`.

    Raises:
        DefinitionError: an option is wrong.
        RecordError: the file cannot be read, or is not a snapshot.
    """

    type = "snapshot"
    Options = SnapshotOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        given = self.Options.read(options, self.type)
        self._path = absolute(given.path)
        self._header = read_header(self._path)
        self.name = str(self._header["name"])
        found = data_model(self._header["models"], self._header["top_level"])
        self._have({name: _without_left_out(model, self._header["models"][name]) for name, model in found.models.items()})

    def _have(self, models: Mapping[str, _Model]) -> None:
        """Have these models from now on."""
        space = {**models, "top_level": list(self._header["top_level"]), "__module__": self.__class__.__module__}
        self.__class__ = type(SnapshotAdapter.__name__, (SnapshotAdapter,), space)

    def read_as(self, other: Dataset) -> None:
        """Make objects of the classes of another dataset, so that values compare as its models say. To be called before
        :meth:`load`.

        A class is not taken if it has other identifiers or children, lacks an attribute of the snapshot, or overrides how its
        objects are made, identified or read.

        Args:
            other: the dataset with which this one will be compared; not changed.
        """
        found = dict(self.models())
        for name, model in other.models().items():
            own = found.get(name)
            if own is None or isinstance(other, SnapshotAdapter) or any(map(model.overrides, METHODS)):
                continue
            same = model._identifiers == own._identifiers and model._children.keys() == own._children.keys()
            if same and {*own._attributes} <= {*model._attributes}:
                found[name] = _without_left_out(model, self._header["models"][name])
        self._have(found)

    def load(self) -> None:
        """Add all objects.

        Raises:
            RecordError: the file cannot be read, is incomplete or changed, or a value does not fit its model.
        """
        header = self._header
        verify(self._path, header)
        self.unmanaged = {
            model: frozenset([*header["left_out"].get(model, ()), *header["unmanaged"].get(model, ())]) for model in self.models()
        }
        self.unclear = header["unclear"]
        flags: list[tuple[str, str, int]] = []
        for model, rows in self._batches():
            self._add(model, rows, flags)
        for model, uid, value in flags:
            self.get(model, uid).model_flags = DSyncModelFlags(value)

    def _batches(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield a model and rows of it, each with its values, its flags if it has any, and the ids of its children."""
        name = ""
        rows: list[dict[str, Any]] = []
        children: Mapping[str, str] = {}
        for line in read_objects(self._path):
            if "children" in line:
                rows[-1].setdefault(children[line["children"]], []).extend(line["ids"])
                continue
            if rows and (line["model"] != name or len(rows) == BATCH):
                yield name, rows
                rows = []
            name = line["model"]
            children = self.models()[name]._children
            rows.append({"values": line["values"], "flags": line.get("flags")})
        if rows:
            yield name, rows

    def _add(self, name: str, rows: list[dict[str, Any]], flags: list[tuple[str, str, int]]) -> None:
        model = self.models()[name]
        fields, nested = Fields(model), {*model._declaration.nested}
        values = []
        for row in rows:
            own = {key: from_plain(value) for key, value in row["values"].items()}
            for key in nested & own.keys():
                try:
                    own[key] = fields.valid(key, own[key])
                except (NotTheSame, ValidationError) as error:
                    raise self._misfit(f"{key} of a {name}, as its class does not determine which value was written") from error
            values.append({**own, **{field: uids for field, uids in row.items() if field not in ("values", "flags")}})
            if row["flags"] is not None:
                ids = {key: own[key] for key in model._identifiers}
                flags.append((name, model.create_unique_id(**ids), row["flags"]))
        try:
            self.add_rows(name, values)
        except (ValidationError, ObjectAlreadyExists) as error:
            raise self._misfit(str(error)) from error

    def _misfit(self, why: str) -> RecordError:
        return file_error(RecordError, self._path, f"cannot be read with these models: {why}")

    def without_empty(self, model: str) -> frozenset[str]:
        return frozenset(self._header["without_empty"].get(model, ()))

    def refuses(self, model: str, action: DSyncAction) -> str:
        return "a snapshot is only read"


def _without_left_out(model: _Model, declared: Mapping[str, Any]) -> _Model:
    """Return a class whose fields that a snapshot does not hold may be null, and are not compared.

    Args:
        model: the class; not changed.
        declared: the declaration of the model in the snapshot.
    """
    held = {*model._identifiers, *declared["attributes"], *model._children.values()}
    left = [field for field in model.model_fields if field not in held]
    if not left:
        return model
    annotations = {field: or_none(model.model_fields[field].rebuild_annotation()) for field in left}
    ignored = {*model._create_only, *left} & {*model._attributes}
    return derived(model.__name__, model, annotations, {**dict.fromkeys(left), "_create_only": tuple(sorted(ignored))})
