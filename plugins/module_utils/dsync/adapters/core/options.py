# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of an adapter as one pydantic model: the check of what a task gives, its messages and the documentation come from it.

::

    class ShelfOptions(Options):
        path: Text = Field(description="The file with the records.")
        batch_size: Count = Field(50, description="Number of records that are written together.")
        token: Text | None = Field(None, repr=False, description="API token.")       # repr=False: a secret

    class Shelf(RecordAdapter):
        Options = ShelfOptions

        def __init__(self, **options: Any) -> None:
            super().__init__()
            given = self.Options.read(options, self.type)
"""

from __future__ import annotations

import os
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, NoReturn, Union, get_args, get_origin

from ..._util.pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from ..._util.suggestions import known
from ...exceptions import DefinitionError
from ...records.declaration_reader import Declared
from ...records.path import Path, path_of, text_of_path

if TYPE_CHECKING:
    from typing_extensions import Self

PLACE, SECRETS = "options", "secrets"
"""Where a task gives options, and those that are secret; messages name the place."""


class Kind(NamedTuple):
    """Part of an annotation, for messages and the documentation.

    Attributes:
        name: how values of the type are named, such as ``a number above 0``.
        form: how a default is written, as of ``str.format``.
    """

    name: str
    form: str = "{}"


class Nested(NamedTuple):
    """Part of an annotation, for the documentation: the value is a dictionary of options.

    Attributes:
        model: which there are.
        each: what the documentation calls a key of the dictionary, if its values are the dictionaries of options; empty if
            it is one itself.
    """

    model: type[NestedOptions]
    each: str = ""


def _distinct(names: list[str]) -> list[str]:
    doubled = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if doubled is not None:
        raise ValueError(f'"{doubled}" is named twice.')
    return names


Text = Annotated[str, Field(min_length=1), Kind("a string")]
Count = Annotated[int, Field(ge=1), Kind("a whole number of 1 or more")]
Number = Annotated[float, Field(gt=0, allow_inf_nan=False), Kind("a number above 0")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), Kind("a number of seconds above 0")]
Names = Annotated[list[Text], AfterValidator(_distinct), Kind("a list of strings")]

_KINDS: dict[Any, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a dictionary",
    Mapping: "a dictionary",
    list: "a list",
    Sequence: "a list",
}


class Described(NamedTuple):
    """One option as the documentation shows it.

    Attributes:
        name: its name.
        kind: its type, such as ``a string``.
        required: whether it has to be given.
        default: its default as YAML writes it; an empty string if there is no default.
        secret: whether it belongs under ``secrets``.
        description: one or more sentences.
        environment: the environment variables that hold its value where it is not given.
    """

    name: str
    kind: str
    required: bool
    default: str
    secret: bool
    description: str
    environment: tuple[str, ...] = ()


class Options(BaseModel):
    """The options of an adapter. A field with ``repr=False`` is a secret, whose value no message shows."""

    environment: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Required option → the environment variables that hold its value where it is not given; the first that is set counts."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, defer_build=True, hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], adapter: str | None) -> Self:
        """Return options that were given.

        Args:
            given: name → value; not changed.
            adapter: its name in messages.

        Raises:
            DefinitionError: an option is unknown, missing or wrong; one sentence about the first of them.
        """
        held = {name: found for name in cls.environment if given.get(name) is None and (found := cls._held(name))}
        absent = {name for name in cls.environment if given.get(name) is None}
        try:
            return cls(**{name: value for name, value in given.items() if name not in absent}, **held)
        except ValidationError as error:
            raise cls._problem(_first(error), adapter) from None

    @classmethod
    def _held(cls, name: str) -> str | None:
        return next((os.environ[one] for one in cls.environment[name] if os.environ.get(one)), None)

    @classmethod
    def _problem(cls, error: Mapping[str, Any], adapter: str | None) -> DefinitionError:
        """Return what is raised for an error of pydantic's."""
        name = (error["loc"] or [""])[0]
        if error["type"] == "extra_forbidden":
            return DefinitionError(f"the adapter {adapter} takes no option {name}{known(name, cls.fields())}.")
        if error["type"] == "missing":
            if name in cls.environment:
                variables = " or ".join(cls.environment[name])
                return DefinitionError(f"{cls._place_of(name)}: give it, or set the environment variable {variables}.")
            return DefinitionError(
                f"the adapter {adapter} needs the option {name}; give it in {cls._place_of(name).partition('.')[0]}."
            )
        return cls._wrong(error, cls._place_of(name))

    @classmethod
    def _place_of(cls, name: str) -> str:
        """Return the place in a task where an option belongs."""
        return f"{PLACE if cls.fields()[name].repr else SECRETS}.{name}"

    @classmethod
    def _wrong(cls, error: Mapping[str, Any], place: str) -> DefinitionError:
        """Return what is raised for an error of pydantic's about a value.

        Args:
            error: as pydantic describes it.
            place: the place of the option.
        """
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, DefinitionError):
            return cause
        name, *inner = error["loc"] or [""]
        positions = "".join(f"[{one}]" for one in inner if isinstance(one, int))
        declared = Declared(error["input"], f"{place}{positions}")
        try:
            if cause is not None:
                declared.wrong(str(cause))
            field, is_empty = cls.fields()[name], error["type"] == "string_too_short"
            if not field.repr:
                declared.wrong(f"this should be {_kind(field)}{', and not an empty one' * is_empty}.")
            is_plain = not _choices(field.annotation) and _kind(field) in _KINDS.values()
            if "ctx" in error and not is_empty and is_plain:
                declared.wrong(f"{re.sub(r'^[A-Z][a-z]+ should', 'this should', error['msg'])}, and is {declared.shown()}.")
            cls._refuse(declared, field, bool(positions))
        except DefinitionError as problem:
            return problem

    @staticmethod
    def _refuse(declared: Declared, field: Any, is_item: bool) -> NoReturn:
        choices = _choices(field.annotation)
        if choices and isinstance(declared.value, str):
            declared.wrong(f"{declared.shown()} is not possible here{known(declared.value, choices)}.")
        kind = _KINDS[str] if is_item else _kind(field)
        single = f"; write [{declared.value}]" if isinstance(declared.value, str) and kind.startswith("a list") else ""
        declared.wrong(f"this should be {kind}, and is {declared.shown()}{single}.")

    @classmethod
    def fields(cls) -> dict[str, Any]:
        """Return name of an option → pydantic's field: first required ones, then those of a class before those of its ancestors. An
        alias is for a name that every model of pydantic's has as an attribute."""
        ancestors = [one.model_fields for one in cls.__mro__ if issubclass(one, Options)]
        ranks = {name: (not one.is_required(), sum(name in each for each in ancestors)) for name, one in cls.model_fields.items()}
        return {cls.model_fields[name].alias or name: cls.model_fields[name] for name in sorted(ranks, key=ranks.__getitem__)}

    @classmethod
    def described(cls) -> Iterator[Described]:
        """Yield the options in the order in which they are documented."""
        for name, field in cls.fields().items():
            variables = cls.environment.get(name, ())
            required = field.is_required() and not variables
            form = next((one.form for one in field.metadata if isinstance(one, Kind)), "{}")
            has_default = not field.is_required() and field.default not in (None, [])
            default = form.format(_plain(field.default)) if has_default else ""
            yield Described(name, _kind(field), required, default, not field.repr, field.description or "", tuple(variables))
            for part in (one for one in field.metadata if isinstance(one, Nested)):
                above = f"{name}.{part.each}" if part.each else name
                yield from (one._replace(name=f"{above}.{one.name}") for one in part.model.described())

    def wrong(self, name: str, sentence: str, file: str = "") -> NoReturn:
        """Raise DefinitionError: an option, and what is wrong with it; ``file`` is the absolute path in it of a file at fault."""
        Declared(None, self._place_of(name)).wrong(sentence, file)


class NestedOptions(Options):
    """Options that are the value of one option of an adapter, which has :class:`Nested` and :meth:`checked` in its annotation."""

    option: ClassVar[str]
    """The name of that option."""

    @classmethod
    def checked(cls, value: Any) -> Any:
        """Return a value unchanged; null stays null. Raises DefinitionError."""
        if value is not None:
            cls.part(Declared(value, f"{PLACE}.{cls.option}"))
        return value

    @classmethod
    def part(cls, declared: Declared) -> Self:
        """Return the options in a dictionary. Raises DefinitionError, naming the place."""
        given = {name: piece.value for name, piece in declared.mapping(cls.fields())}
        absent = next((name for name, field in cls.fields().items() if field.is_required() and name not in given), None)
        if absent is not None:
            declared.wrong(f'it has no "{absent}"; add it.')
        try:
            return cls(**given)
        except ValidationError as error:
            first = _first(error)
            raise cls._wrong(first, f"{declared.place}.{first['loc'][0]}") from None


def _path(value: Any) -> Path:
    try:
        return path_of(Declared(value, ""))
    except DefinitionError as error:
        raise ValueError(str(error).removeprefix(": ")) from None


AnswerPath = Annotated[Any, AfterValidator(_path), Kind("a path in an answer")]
"""Where an answer has something: a string with dots, or a list."""


def _first(error: ValidationError) -> Mapping[str, Any]:
    """Return the first error of pydantic's, that of an unknown option before others; where a value may be of several types, that of
    the type that the value comes closest to."""
    errors: list[dict[str, Any]] = [dict(one) for one in error.errors(include_url=False)]
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    alike = [one for one in errors if one["loc"][:1] == first["loc"][:1]]
    return max(alike, key=lambda one: ("error" in one.get("ctx", ()), any(isinstance(part, int) for part in one["loc"])))


def _plain(value: Any) -> Any:
    """Return a default as YAML has it."""
    if isinstance(value, tuple):
        return text_of_path(value)
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else value


def _kind(field: Any) -> str:
    """Return how the values of a field are named."""
    return next((one.name for one in field.metadata if isinstance(one, Kind)), None) or " or ".join(_named(field.annotation))


def _named(annotation: Any) -> Iterator[str]:
    """Yield how the values of each member of an annotation are named, except for null."""
    if get_origin(annotation) is Annotated:
        kind = next((one.name for one in annotation.__metadata__ if isinstance(one, Kind)), "")
        yield from [kind] if kind else _named(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from () if member is NoneType else _named(member)
    elif get_origin(annotation) is Literal:
        yield f"one of {', '.join(map(str, get_args(annotation)))}"
    else:
        yield _KINDS[get_origin(annotation) or annotation]


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values that an annotation allows; none if it does not name them."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(filter(None, map(_choices, get_args(annotation))), ())
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) is Literal else ()
