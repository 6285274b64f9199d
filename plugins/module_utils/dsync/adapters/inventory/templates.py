# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The templates in mapped variables of an inventory, evaluated by the program ``ansible-playbook``.

All values of all hosts are evaluated in one call, of a playbook that only prints them. A template is not evaluated if it calls a
lookup, which may have effects, or if it refers to a secret that its attribute would show. The variables of a group have values for
its hosts only, so templates in them are not evaluated where the group itself is a record.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...exceptions import LibraryMissing, RecordProblem
from ...records.mapping import ModelMap
from ...records.path import Path as FieldPath
from ...records.path import read, text_of_path
from ..core.fields import paths_of
from .evaluation import Answer, answers_of, expression_of
from .files import InventoryFiles
from .listing import HOST, Inventory
from .programs import Programs
from .values import has_template, templates_in
from .vault import Concealed, concealed

Place = tuple[str, str, FieldPath]
"""Kind and name of a host or group, and the path of a value in its variables."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_LOOKUP = re.compile(r"\b(?:lookup|query|unvault)\b|\bq\s*\(")
_ANY_VARIABLE = {"vars", "hostvars"}

_OF_A_GROUP = "the template of a group has values for its hosts only"
_LOOKS_UP = "it calls a lookup, and lookups are not called"
_SECRET = "it refers to a secret, and the attribute is not declared as one"


class Templates:
    """The values that are templates, and what they evaluate to.

    Args:
        inventory: as it was read; changes of it are not seen.
        maps: (kind of record, its group or None, the mapping) of each model.
        variables: names of the variables that records have; None for all.

    Attributes:
        values: place → the value; a :class:`Concealed` if it contains a secret.
        unknown: place → why the value is not known.
    """

    def __init__(self, inventory: Inventory, maps: Sequence[tuple[str, str | None, ModelMap]], variables: set[str] | None) -> None:
        self.values: dict[Place, Any] = {}
        self.unknown: dict[Place, str] = {}
        self._inventory, self._maps = inventory, maps
        self._texts, self._secrets = _Texts(inventory), _secret_names(maps)
        self._paths: dict[tuple[str, str], list[FieldPath]] = {}
        for kind, name, path in dict.fromkeys(self._found(variables)):
            self._paths.setdefault((kind, name), []).append(path)

    def __bool__(self) -> bool:
        return bool(self._paths)

    def _found(self, variables: set[str] | None) -> Iterator[Place]:
        inventory = self._inventory
        for kind, group, mapped in self._maps:
            paths = [path for _declared, path in paths_of(mapped) if variables is None or path[0] in variables]
            all_names = inventory.hosts if kind == HOST else inventory.groups
            for name in all_names if group is None else sorted(inventory.hosts_below(group)):
                there = inventory.variables_of(kind, name)
                for path in paths:
                    if has_template(read(there, path), inventory.unsafe):
                        yield kind, name, path

    def applied(self, mapped: ModelMap, kind: str, name: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the variables of a host or group with the values of the templates; where one is not known, null if the mapping of
        the record allows that, or else the template itself."""
        for path in self._paths.get((kind, name), ()):
            if (kind, name, path) in self.values:
                variables = replaced(variables, path, self.values[kind, name, path])
            elif all(one.nullable for one in mapped.fields.values() if one.source == path):
                variables = replaced(variables, path, None)
        return variables

    def unknown_of(self, mapped: ModelMap, kind: str, name: str) -> frozenset[str]:
        """Return the attributes of a host or group of which the value is not known."""
        paths = [path for path in self._paths.get((kind, name), ()) if (kind, name, path) in self.unknown]
        return frozenset(one.name for one in mapped.fields.values() if one.source in paths)

    def kept_of(self, mapped: ModelMap, kind: str, name: str, files: InventoryFiles) -> dict[str, str]:
        """Return attribute of a host or group → in which file it is a template, which is not written over."""
        hidden, found = mapped.model.get_sensitive_fields(), {}
        for path in self._paths.get((kind, name), ()):
            with contextlib.suppress(RecordProblem):  # it cannot be changed in any case
                there = files.template_at(kind, name, path)
                for one in mapped.fields.values() if there is not None and (kind, name, path) in self.values else ():
                    if there is not None and one.source == path:
                        shown = f'the template "{there.text}"' if there.text and one.name not in hidden else "a template"
                        found[one.name] = (
                            f'"{text_of_path(path)}" of the {kind} {name} is {shown} in {there.file}; change it by hand'
                        )
        return found

    def warning(self) -> str:
        """Return a sentence that counts the templates without a value and names the first; empty if there are none."""
        if not self.unknown:
            return ""
        (kind, name, path), reason = next(iter(self.unknown.items()))
        first, number = f'"{text_of_path(path)}" of the {kind} {name}', len(self.unknown)
        if number == 1:
            return f"{first} is a template that is not evaluated, so it is neither compared nor changed: {reason}"
        several = f"{number} values are templates that are not evaluated, so they are neither compared nor changed"
        return f"{several}; the first is {first}: {reason}"

    def evaluate(self, programs: Programs, sources: Sequence[str], password: Path | None) -> None:
        """Evaluate the templates that may be evaluated.

        Args:
            programs: those of Ansible.
            sources: the inventory's.
            password: a file with a password of Ansible Vault; None for none.
        """
        asked: dict[str, dict[FieldPath, str]] = {}
        for place in [(*owner, path) for owner, paths in self._paths.items() for path in paths]:
            reason, expression = self._refusal(place), expression_of(self._inventory.variables_of(*place[:2]), place[2])
            if reason or not expression:
                self.unknown[place] = reason or "its name cannot be written in a template"
            else:
                asked.setdefault(place[1], {})[place[2]] = expression
        if not asked:
            return
        answers, problem = {}, ""
        try:
            answers = answers_of(programs, sources, password, asked)
        except (RecordProblem, LibraryMissing) as error:
            problem = str(error)
        for host, path in ((host, path) for host, expressions in asked.items() for path in expressions):
            secret = self._texts.refer(read(self._inventory.hosts[host], path), self._secrets)
            answer = answers.get((host, path), Answer(reason=problem))
            if answer.reason:
                self.unknown[HOST, host, path] = "it cannot be evaluated" if secret else answer.reason
            else:
                self.values[HOST, host, path] = Concealed(clear=answer.value) if secret else answer.value

    def _refusal(self, place: Place) -> str:
        """Return why a template is not evaluated; an empty string if it is."""
        kind, name, path = place
        value = read(self._inventory.variables_of(kind, name), path)
        if kind != HOST:
            return _OF_A_GROUP
        if self._texts.look_up(value):
            return _LOOKS_UP
        if any(concealed(value)) or (self._texts.refer(value, self._secrets) and not self._is_hidden(path)):
            return _SECRET
        return ""

    def _is_hidden(self, path: FieldPath) -> bool:
        """Return whether only sensitive attributes have a value."""
        for _kind, _group, mapped in self._maps:
            fields = [one.name for one in mapped.fields.values() if one.source == path]
            named = [found for _declared, found in paths_of(mapped) if found == path]
            if len(named) > len(fields) or not mapped.model.get_sensitive_fields().issuperset(fields):
                return False
        return True


class _Texts:
    """The template texts of all variables, by which one leads to others."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._by_name: dict[str, set[str]] | None = None
        self._hidden: set[str] = set()

    def look_up(self, value: Any) -> bool:
        """Return whether a value, or one that it refers to, calls a lookup."""
        return any(_LOOKUP.search(text) for text in self._reached(value)[0])

    def refer(self, value: Any, secrets: set[str]) -> bool:
        """Return whether a value refers to an encrypted variable, or to one of those named."""
        _texts, names = self._reached(value)
        any_secret = self._hidden or secrets
        return not names.isdisjoint(self._hidden | secrets) or bool(any_secret and not names.isdisjoint(_ANY_VARIABLE))

    def _reached(self, value: Any) -> tuple[set[str], set[str]]:
        """Return the texts that are evaluated with a value, and the words in them, which may be names of variables."""
        by_name = self._names()
        texts, words, waiting = set[str](), set[str](), [*templates_in(value, self._inventory.unsafe)]
        while waiting:
            text = waiting.pop()
            if text not in texts:
                texts.add(text)
                new = {*_NAME.findall(text)} - words
                words |= new
                waiting += [one for word in new for one in by_name.get(word, ())]
        return texts, words

    def _names(self) -> dict[str, set[str]]:
        if self._by_name is None:
            self._by_name = {}
            groups = (group.variables for group in self._inventory.groups.values())
            for variables in (*self._inventory.hosts.values(), *groups):
                for name, value in variables.items():
                    self._by_name.setdefault(name, set()).update(templates_in(value, self._inventory.unsafe))
                    if any(True for _one in concealed(value)):
                        self._hidden.add(name)
        return self._by_name


def _secret_names(maps: Iterable[tuple[str, str | None, ModelMap]]) -> set[str]:
    """Return the names of the variables that sensitive attributes are mapped onto."""
    found: set[str] = set()
    for _kind, _group, mapped in maps:
        hidden = mapped.model.get_sensitive_fields()
        found.update(one.source[0] for one in mapped.fields.values() if one.name in hidden and one.source)
    return found


def replaced(value: Any, path: FieldPath, new: Any) -> Any:
    """Return a copy of a value with another value at a path that it has."""
    if not path:
        return new
    name, *rest = path
    if isinstance(value, list):
        return [replaced(item, tuple(rest), new) if at == int(name) else item for at, item in enumerate(value)]
    return {**value, name: replaced(value[name], tuple(rest), new)}
