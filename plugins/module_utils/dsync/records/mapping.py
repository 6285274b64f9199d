# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The mapping of the native records of one side to objects of the models, and back.

::

    device:
      from: dcim.devices                        # where the records are; the meaning depends on the adapter
      where: {kind: [router, switch]}           # records with these values
      deleted: {deleted_at: now}                # deleted records stay, and are marked
      keep: status != "retired"                 # and of these, those for which this is true; drop: is the opposite
      fields:
        name: hostname                          # another name
        site_name: location.site                # a nested field
        role: {from: role_id, lookup: roles}    # through a table, or a list of tables in turn
        owner: {value: netops}                  # a constant
        mtu: {from: mtu, default: 1500}         # with a default
        region: {parent: name}                  # an identifier of the parent; it is not in the record
        fqdn: {expr: hostname ~ ".example.net", write: {hostname: fqdn.split(".")[0]}}
        owner: {expr: owner_id or none, lookup: owners, write: owner_id}
      parent: {match: {site_id: id}}            # or parent's identifier → field: {name: location.site}

An attribute that is not listed is the native field of the same name. Native fields without an attribute are not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from .._util.plain_json import Unwritable, natural
from .._util.redaction import Redactor, secret_strings
from .._util.suggestions import known
from ..exceptions import RecordProblem
from ..model.model import DSyncModel
from ..model.values import members_of
from .declaration_reader import Declared
from .expression import Evaluate
from .filters import has_values, is_one_of
from .lookups import Lookup
from .path import MISSING, Path, read, text_of_path

NO_PARENT: Mapping[str, Any] = MappingProxyType({})

Record = Mapping[str, Any]
"""A native record: field's name → value, with other records and lists in it."""

Values = dict[Path, Any]
"""The values to write to a native record."""


@dataclass(frozen=True)
class FieldMap:
    """How one attribute, or one identifier of the parent, is read and written.

    Attributes:
        name: the attribute.
        source: the path of the native value, or where it is written; None if it comes from elsewhere.
        constant: the constant value; MISSING for none.
        expression: computes the value.
        parent: the parent's identifier that is the value, which is not in the record.
        implied: the parent's identifier that is the value if the record does not have it, because its place implies the parent.
        lookups: the tables that translate it, in turn.
        default: the value for an absent native value; MISSING for none.
        nullable: whether the attribute may be None.
        write: native field → expression over the object's values; None if it is written as it is read.
        written: whether it can be written.
        write_only: whether the system takes the value and does not show it, or not all of it.
        concealed: what the system shows in the place of such a value, or of one in it; None if it shows nothing.
    """

    name: str
    source: Path | None = None
    constant: Any = MISSING
    expression: Evaluate | None = None
    parent: str | None = None
    implied: str | None = None
    lookups: tuple[Lookup, ...] = ()
    default: Any = MISSING
    nullable: bool = False
    write: Mapping[Path, Evaluate] | None = None
    written: bool = True
    write_only: bool = False
    concealed: str | None = None

    def value_of(self, record: Record, above: Mapping[str, Any] = NO_PARENT, empty_is_none: bool = False) -> Any:
        """Return the attribute's value, or MISSING if the model's own default applies. Raises RecordProblem.

        Args:
            record: the native record.
            above: the parent's identifiers, as far as they are known.
            empty_is_none: whether an empty string is null, or the default, if the attribute may be null or has a default.
        """
        if self.constant is not MISSING:
            return self.constant
        if self.parent is not None:
            return above.get(self.parent, MISSING)
        value = self.expression({**record, "record": record}) if self.expression is not None else read(record, self.source or ())
        if value is MISSING:
            return above.get(self.implied or "", self.default)
        if empty_is_none and value == "" and not (self.lookups and self.lookups[0].has(value)):
            if self.nullable:
                return None
            if self.default is not MISSING:
                return self.default
        if value == "" and self.nullable and self.lookups and not self.lookups[0].has(value):
            return None
        for lookup in self.lookups:
            value = _each(lookup.value_of, value)
        return self.default if value is None and self.default is not MISSING and not self.nullable else value

    def natives_of(self, value: Any, values: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
        """Yield the native fields of a value with their new values; none for an attribute that is not written.

        Args:
            value: the attribute's value, plain.
            values: all of the object's values, plain.

        Raises:
            RecordProblem: it cannot be written.
        """
        if not self.written:
            return
        if self.write is not None:
            for path, expression in self.write.items():
                yield path, expression(values)
        elif self.source is not None:
            for lookup in reversed(self.lookups):
                value = _each(lookup.native_of, value)
            yield self.source, value


def _each(translated: Callable[[Any], Any], value: Any) -> Any:
    """Return a value translated by a lookup, or a list with each of its items translated."""
    return [translated(one) for one in value] if isinstance(value, list) else translated(value)


@dataclass(frozen=True)
class ParentMap:
    """How a child finds its parent.

    Attributes:
        fields: the field of each of the parent's identifiers, in order; empty if ``match`` or the place determines the parent.
        match: native field of the child → native field of the parent, whose values are the same.
        by_name: whether nothing was declared, and fields are named like the parent's identifiers; the place takes precedence.
        reference: the field whose values refer to the parents; None if something else determines the parent.
    """

    fields: tuple[FieldMap, ...] = ()
    match: Mapping[Path, Path] = field(default_factory=dict)
    by_name: bool = False
    reference: FieldMap | None = None


@dataclass(frozen=True)
class Deleted:
    """How the records of deleted objects are marked, which stay where they are.

    Attributes:
        field: the native field with the mark.
        value: its value in a deleted record; :data:`NOW` for the moment of the deletion.
        restored: its value in a record that is created or restored; MISSING if an attribute has it.
    """

    field: Path
    value: Any
    restored: Any

    def marks(self, value: Any) -> bool:
        """Return whether a value of the field marks a deleted record."""
        if self.value == NOW:
            return not is_one_of(value, (self.restored,))
        return is_one_of(value, (self.value,))


NOW = "now"
"""The value of a mark that is the moment of the deletion: any value except that of a restored record."""


@dataclass(frozen=True)
class ModelMap:
    """How the objects of one model are read from native records, and written back.

    Attributes:
        model: the model's class.
        place: where the records are, as declared; None if nothing was declared.
        key: the native field for the key of a record if records are the values of a dictionary.
        fields: attribute or identifier → its mapping.
        where: native field → values, one of which it must have.
        deleted: how deleted records are marked; None if they are removed.
        keep: whether to include a record.
        drop: whether to exclude a record.
        parent: how an object finds its parent; None if nothing was declared.
    """

    model: type[DSyncModel]
    place: Declared
    key: Path | None
    fields: Mapping[str, FieldMap]
    where: Mapping[Path, tuple[Any, ...]]
    keep: Evaluate | None
    drop: Evaluate | None
    parent: ParentMap | None
    deleted: Deleted | None = None

    @cached_property
    def name(self) -> str:
        """The model's name."""
        return self.model.get_type()

    def wants(self, record: Record) -> bool:
        """Return whether a native record is one of the model's. Raises RecordProblem."""
        return has_values(record, self.where) and self.keeps(record)

    def keeps(self, record: Record) -> bool:
        """Return whether ``keep`` and ``drop`` include a native record. Raises RecordProblem."""
        names = {**record, "record": record} if self.keep or self.drop else {}
        for key, expression, wanted in (("keep", self.keep, True), ("drop", self.drop, False)):
            try:
                if expression is not None and bool(expression(names)) is not wanted:
                    return False
            except RecordProblem as problem:
                raise RecordProblem(f"{self.name}.{key}: {self._located(problem, record)}") from None
        return True

    def _located(self, problem: RecordProblem, record: Record, name: str = "") -> str:
        """Return the problem of a record, or of one of its attributes, without secrets."""
        hidden = self.model.get_sensitive_fields()
        sources = [field.source for one, field in self.fields.items() if one in hidden and field.source is not None]
        values = record.values() if name in hidden else (read(record, source) for source in sources)
        return Redactor(secret_strings(values)).redact(str(problem)) if hidden else str(problem)

    def row(self, record: Record, empty_is_none: bool = False, above: Mapping[str, Any] = NO_PARENT) -> dict[str, Any]:
        """Return the values of an object's fields. Raises RecordProblem.

        Args:
            record: the native record; not changed.
            empty_is_none: whether an empty string is null if the attribute may be null.
            above: the identifiers of the object's parent, as far as they are known.
        """
        values: dict[str, Any] = {}
        for name, mapped in self.fields.items():
            try:
                value = mapped.value_of(record, above, empty_is_none)
            except RecordProblem as problem:
                raise RecordProblem(f"{self.name}.{name}: {self._located(problem, record, name)}") from None
            if value is MISSING:
                if self.model.model_fields[name].is_required():
                    if not mapped.nullable:
                        raise RecordProblem(
                            f'{self.name}.{name}: the record has no "{text_of_path(mapped.source or ())}"{known(name, record)}'
                        )
                    value = None
                else:
                    continue
            if empty_is_none and value == "":
                if mapped.nullable:
                    value = None
                elif self.default_counts(name):
                    continue
            values[name] = value
        self._check_identity(values)
        return values

    def default_counts(self, name: str) -> bool:
        """Return whether an empty string means the model's default: if there is one, and the attribute holds no strings."""
        field = self.model.model_fields[name]
        return not field.is_required() and not {str, Any} & set(members_of(field.annotation))

    def is_blank(self, values: Mapping[str, Any]) -> bool:
        """Return whether all identifiers are blank; null is valid if an identifier may be null."""
        for name in self.model._identifiers:
            value = values.get(name)
            if not isinstance(value, str) or value.strip():
                return False
        return True

    def _check_identity(self, values: Mapping[str, Any]) -> None:
        """Raise RecordProblem if all identifiers are blank."""
        if self.is_blank(values):
            names = self.model._identifiers
            blank = f"{names[0]} is blank" if len(names) == 1 else f"{', '.join(names)} are all blank"
            raise RecordProblem(
                f'{self.name}: {blank}, so nothing identifies the object; fill it in, or exclude such records with "drop"'
            )

    def written(self, values: Mapping[str, Any], names: Iterable[str]) -> Values:
        """Return the values of a native record for these attributes. Raises RecordProblem.

        Args:
            values: all values of the object, plain.
            names: the attributes to write.
        """
        found: Values = {}
        for name in names:
            try:
                found.update(self.fields[name].natives_of(values.get(name), values))
            except RecordProblem as problem:
                raise RecordProblem(f"{self.name}.{name} cannot be written: {problem}") from problem
        return found

    def belonging(self) -> Values:
        """Return the values that a new native record needs to belong to the model."""
        return {path: values[0] for path, values in self.where.items() if len(values) == 1}

    def unwritable(self) -> list[str]:
        """Return the attributes that cannot be written."""
        return [name for name, mapped in self.fields.items() if not mapped.written and name not in self.model._identifiers]


def by_reference(mapped: ModelMap, parent: ModelMap) -> ParentMap | None:
    """Return how a child finds its parent that refers to it: by its one identifier that does, or else by a field that has the name
    of the parent's model; None if it has neither.

    Args:
        mapped: the child's model.
        parent: the model of its parents.
    """
    referring = [name for name, models in mapped.model._references.items() if models in (parent.name, (parent.name,))]
    found = [name for name in referring if name in mapped.model._identifiers] or [name for name in referring if name == parent.name]
    return ParentMap(reference=mapped.fields[found[0]]) if len(found) == 1 else None


def plain_value(value: Any, keeps: tuple[type[Any], ...] = ()) -> Any:
    """Return a value as records hold it (:func:`.plain_json.natural`), a secret in clear.

    Args:
        value: an attribute's value; not changed.
        keeps: other types that the records of an adapter can hold.

    Raises:
        RecordProblem: it is, or holds, bytes that are no text.
    """
    if value.__class__ in _KEPT:
        return value
    try:
        return natural(value, keeps)
    except Unwritable as error:
        raise RecordProblem(str(error)) from None


_KEPT = (str, int, float, bool, type(None))
