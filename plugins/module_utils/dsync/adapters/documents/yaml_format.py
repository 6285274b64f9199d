# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""YAML: read as Ansible reads it; only the changed values are exchanged in the text (:mod:`.yaml_text`)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ...exceptions import RecordProblem
from ...records.written import WrittenFloat, WrittenNumber
from .edits import Carried, Edits, Way, same_tree
from .format import Format
from .yaml_comments import Piece
from .yaml_nodes import loader_of
from .yaml_plain import Scalars, plain_tree
from .yaml_scalars import CannotChange, library


class YamlFormat(Format):
    suffixes = (".yml", ".yaml")
    kept_types = (datetime, date)
    several = True

    def read(self, text: str, name: str) -> Any:
        yaml = library()
        try:
            tree = plain_tree(text, _scalars())
            return yaml.load(text, Loader=_loader()) if tree is None else tree  # a safe loader, with more checks
        except yaml.MarkedYAMLError as error:
            raise RecordProblem(f"{name}{_line(error)}: {_yaml_problem(error, text)}") from None
        except (yaml.YAMLError, ValueError) as error:
            raise RecordProblem(f"{name} is not valid YAML: {' '.join(str(error).split())}") from None
        except RecursionError:
            raise RecordProblem(f"{name} is nested too deeply") from None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        from . import yaml_text

        after = edits.made_in(_unshared(self.read(text, name)))
        try:
            found = yaml_text.changed_text(text, edits, self.read(text, name), after, self._carried(edits, name))
            if same_tree(self.read(found, name), after):
                return found
            where = ""
        except CannotChange as error:
            where = f" ({error})"
        except RecordProblem:
            where = ""
        raise RecordProblem(
            f"{name} cannot be changed without changing more than intended{where}: the value is in an anchor, an alias or an "
            "unusual form of YAML; write it out there"
        )

    def renamed(self, text: str, names: Mapping[Way, str], name: str) -> str:
        """Return the text with other names for some keys, each where it was.

        Args:
            text: of one document.
            names: way of an entry, as it was called before → its new key.
            name: of the file, for messages.

        Raises:
            RecordProblem: a key is written in a way in which it cannot be exchanged.
        """
        from . import yaml_text

        tree = self.read(text, name)
        with contextlib.suppress(CannotChange, RecordProblem):
            found = yaml_text.renamed_text(text, names, tree)
            if same_tree(self.read(found, name), _with_names(tree, names, ())):
                return found
        raise RecordProblem(f"{name}: {', '.join(str(way[-1]) for way in names)} cannot be renamed here; do it by hand")

    def _carried(self, edits: Edits, name: str) -> dict[Way, Piece]:
        """Return way of a record that is carried there → its text, as it is where it was, with its changes."""
        carried = ((way, record) for way, (record, _keyed) in edits.added.items() if isinstance(record, Carried))
        found = ((way, self._piece_of(record, name)) for way, record in carried)
        return {way: piece for way, piece in found if piece is not None}

    def _piece_of(self, carried: Carried, name: str) -> Piece | None:
        """Return the text of a carried record; None if it has to be rewritten."""
        from . import yaml_text

        try:
            text = carried.text()
            piece = yaml_text.piece_of(text, carried.way, self.read(text, name))
            if piece is None or not same_tree(self.read(piece.body, name), carried.tree):
                return None
            return piece._replace(body=self.changed(piece.body, carried.edits, name)) if carried.edits else piece
        except RecordProblem:
            return None

    def line(self, text: str, way: Way, name: str) -> int | None:
        from . import yaml_text

        try:
            return yaml_text.line_of(text, way, self.read(text, name))
        except CannotChange:
            return None


def _with_names(tree: Any, names: Mapping[Way, str], way: Way) -> Any:
    """Return a tree with other names for some of its keys."""
    if isinstance(tree, dict):
        return {names.get((*way, key), key): _with_names(item, names, (*way, key)) for key, item in tree.items()}
    return tree


def _line(error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark is not None else ""


def _yaml_problem(error: Any, text: str) -> str:
    mark = error.problem_mark
    line = text.split("\n")[mark.line] if mark is not None and mark.line < text.count("\n") + 1 else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab is used for indentation, but YAML requires spaces"
    return f"{error.problem}{f' ({error.context})' if error.context else ''}"


class Tagged:
    """A value with a tag that only others understand, such as ``!vault``; adapters of files leave it alone.

    Attributes:
        tag: with its exclamation mark.
        value: what follows it.
    """

    def __init__(self, tag: str, value: Any) -> None:
        self.tag, self.value = tag, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tagged) and (self.tag, self.value) == (other.tag, other.value)

    __hash__ = None  # type: ignore[assignment]  # as that of a list

    def __repr__(self) -> str:
        return f"<a value with the tag {self.tag}>"


def _scalars() -> Scalars:
    yaml = library()
    loader = _loader()("")

    def value_of(tag: str, text: str) -> Any:
        try:
            return loader.construct_object(yaml.ScalarNode(tag, text))
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from None

    return Scalars(loader.yaml_implicit_resolvers, value_of)


_loaders: list[Any] = []


def _loader() -> Any:
    """Return a loader that reads as Ansible's does, and finds keys that are there twice."""
    if not _loaders:
        _loaders.append(_made_loader())
    return _loaders[0]


def _made_loader() -> Any:
    yaml = library()
    base: Any = loader_of(yaml)

    class Loader(base):  # type: ignore[misc]  # the base is of one of two classes
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) < len(keys):
                self._check_keys(node)
            return super().construct_mapping(node, deep)

        def _check_keys(self, node: Any) -> None:
            seen = set()
            for key, _value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if (key.tag, key.value) in seen:
                        raise yaml.constructor.ConstructorError(None, None, f'the key "{key.value}" occurs twice', key.start_mark)
                    seen.add((key.tag, key.value))

    def tagged(loader: Any, _suffix: str, node: Any) -> Tagged:
        construct = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
        made = construct.get(type(node))
        return Tagged(node.tag, made(node) if made else loader.construct_mapping(node, deep=True))

    def whole_number(loader: Any, node: Any) -> int:
        return WrittenNumber.of(loader.construct_yaml_int(node), loader.construct_scalar(node))

    def number(loader: Any, node: Any) -> float:
        return WrittenFloat.of(loader.construct_yaml_float(node), loader.construct_scalar(node))

    Loader.add_multi_constructor("!", tagged)
    Loader.add_constructor("tag:yaml.org,2002:float", number)
    Loader.add_constructor("tag:yaml.org,2002:int", whole_number)
    return Loader


def _unshared(value: Any) -> Any:
    """Return a copy in which nothing is there twice, as the same object, by way of an alias."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value
