# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``inventory``: the hosts and groups of an Ansible inventory with their variables.

``from`` is ``hosts``, which is the default, ``groups``, or ``{group: routers}`` for the hosts of one group and of the groups in it.

A host is a record of all its variables as they are in effect, and of ``name``, ``groups`` (those that it is a direct member of,
without ``all`` and ``ungrouped``) and ``group_names`` (the groups around those too). A group is a record of its own variables and
of ``name``, ``hosts``, ``children`` and ``parents``.

It reads what ``ansible-inventory`` reads; templates in variables are evaluated by :mod:`.templates`. The running play's
own inventory comes along with the task, with the templates evaluated. Only YAML and INI files are written, by :mod:`.files`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._util.suggestions import known
from ...exceptions import LibraryMissing, RecordProblem
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap, Record, Values
from ...records.path import MISSING, read, text_of_path, write
from ...records.path import Path as FieldPath
from ...storage.paths import file_error
from ..core.base import ChangedRecord, NewRecord, RecordAdapter
from ..documents.commit import recover
from ..documents.yaml_format import YamlFormat
from .directory import Apply
from .files import InventoryFiles
from .listing import ALL, GROUP, HOST, UNGROUPED, Inventory, Program
from .options import PLAY, InventoryOptions
from .programs import Programs
from .templates import Templates
from .values import copied
from .vault import Concealed, Vault, concealed, encrypted_values, shown
from .written import restore

OF_HOST = ("name", "groups", "group_names")
OF_GROUP = ("name", "hosts", "children", "parents")
"""What a record has in addition to variables."""

_BATCH = 1000


class InventoryAdapter(RecordAdapter):
    """The hosts, groups and variables of an inventory.

    Args:
        options: those of :class:`.options.InventoryOptions`.

    Raises:
        DefinitionError: an option is wrong.
    """

    type = "inventory"
    transactional = True

    Options = InventoryOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        given = self.Options.read(options, self.type)
        sources = list(given.source)
        self._sources = None if sources == [PLAY] else [str(Path(one).expanduser()) for one in sources]
        self._variables = None if given.variables is None else set(given.variables)
        self._limit = given.limit
        self._password = None if given.vault_password_file is None else Path(given.vault_password_file).expanduser()
        program = None if given.ansible_inventory is None else Path(given.ansible_inventory).expanduser()
        programs = Programs(program, given.timeout)
        self._programs = programs
        self._vault = Vault(self._password, programs)
        self._program = Program(self._sources or (), self._limit, self._password, programs)
        self.batch_size = _BATCH
        self.name = f"inventory {', '.join(self._sources or ['of the play'])}"
        self._received: Mapping[str, Any] | None = None
        self._inventory = Inventory()
        self._files: InventoryFiles | None = None
        self._defined: dict[str, set[str]] | None = None
        self._limited: set[str] | None = None
        self._templates: Templates | None = None

    def receive(self, data: Mapping[str, Any]) -> None:
        """Take the inventory of the play.

        Args:
            data: in the form of ``ansible-inventory --list``; what was encrypted is ``{"__dsync_concealed": value}`` in it.
        """
        self._received = data

    # ------------------------------------------------------------------ reading

    def load(self) -> None:
        """Read the inventory, and add an object for each record. Raises as the base class does."""
        places = [_place_of(mapped) for mapped in self._maps.values()]
        with_groups = any(kind == GROUP for kind, _group in places)
        if self._sources is None:
            if self._received is None:
                Declared(PLAY, "options.source").wrong(
                    "there is no play here whose inventory could be read; name a file or directory."
                )
            self._inventory = Inventory.of(self._received)
        else:
            self._check_sources(self._sources)
            for source in self._sources:
                recover(Path(source) if Path(source).is_dir() else Path(source).parent)
            with contextlib.suppress(RecordProblem):  # it need not be written
                self._files = self._new_files()
            self._inventory = Inventory.of(self._program.listed())
            if with_groups:
                for name, there in Inventory.of(self._program.listed("--export")).groups.items():
                    self._inventory.groups.setdefault(name, there).variables = there.variables
            restore(self._inventory, self._sources)
            self._conceal()
            self._evaluate()
        super().load()
        if self._templates is not None:
            self.warn(self._templates.warning())

    def _evaluate(self) -> None:
        """Evaluate the templates in the variables that models are mapped onto."""
        maps = [(*_place_of(mapped), mapped) for mapped in self._maps.values()]
        self._templates = Templates(self._inventory, maps, self._variables)
        self._templates.evaluate(self._programs, self._sources or (), self._password)

    def _load(self, mapped: ModelMap) -> None:
        super()._load(mapped)
        kind, templates, files = _place_of(mapped)[0], self._templates, None
        unknown, kept = {}, {}
        if templates:
            with contextlib.suppress(RecordProblem):  # it need not be written
                files = self._new_files()
            for uid, record in self._records[mapped.name].items():
                unknown[uid] = templates.unknown_of(mapped, kind, record["name"])
                kept[uid] = {} if files is None else templates.kept_of(mapped, kind, record["name"], files)
        self.unknown_values[mapped.name] = {uid: names for uid, names in unknown.items() if names}
        self.kept_values[mapped.name] = {uid: names for uid, names in kept.items() if names}

    def probe(self) -> bool:
        """Look for the files of the inventory; otherwise as the base class."""
        self._check_sources(self._sources or ())
        return True

    @staticmethod
    def _check_sources(sources: Iterable[str]) -> None:
        for source in sources:
            if not Path(source).exists() and "," not in source:
                raise file_error(RecordProblem, source, "does not exist; name the file or directory of an inventory")

    def _conceal(self) -> None:
        """Mark the values that come from files that are encrypted as a whole, which come decrypted."""
        folders = [path if path.is_dir() else path.parent for path in map(Path, self._sources or ()) if path.exists()]
        hidden = encrypted_values(folders, self._vault, YamlFormat().read)
        if not hidden:
            return
        groups = (group.variables for group in self._inventory.groups.values())
        for variables in (*self._inventory.hosts.values(), *groups):
            for name in variables.keys() & hidden.keys():
                if variables[name] in hidden[name]:
                    variables[name] = Concealed(clear=variables[name])

    def check_place(self, mapped: ModelMap) -> None:
        group = _place_of(mapped)[1]
        if group is not None and group not in self._inventory.groups:
            mapped.place.at("group").wrong(f'there is no group "{group}"{known(group, self._inventory.groups)}.')
        if mapped.key is not None:
            mapped.place.wrong('an inventory has no "key": the name of a host or group is in the field "name".')

    def read(self, mapped: ModelMap) -> Iterator[Record]:
        kind, group = _place_of(mapped)
        inventory = self._inventory
        self._decrypt(mapped, kind)
        if kind == GROUP:
            parents: dict[str, list[str]] = {}
            for name, one in inventory.groups.items():
                for child in one.children:
                    parents.setdefault(child, []).append(name)
            for name in sorted(inventory.groups):
                yield self._group_record(mapped, name, sorted(parents.get(name, ())))
            return
        direct: dict[str, list[str]] = {}
        around: dict[str, set[str]] = {}
        for name, one in inventory.groups.items():
            for host in one.hosts:
                direct.setdefault(host, []).append(name)
            for inner in inventory.below(name):
                around.setdefault(inner, set()).add(name)
        wanted = None if group is None else inventory.below(group)
        for name in sorted(inventory.hosts):
            groups = sorted(direct.get(name, ()))
            if wanted is None or wanted.intersection(groups):
                all_groups = set().union(*(around[one] for one in groups))
                yield self._record(
                    mapped, HOST, name, inventory.hosts[name], {"name": name, "groups": groups, "group_names": sorted(all_groups)}
                )

    def _decrypt(self, mapped: ModelMap, kind: str) -> None:
        """Decrypt together what the records of a model need; what cannot be is reported with its record."""
        groups = (group.variables for group in self._inventory.groups.values())
        with contextlib.suppress(RecordProblem):
            self._vault.decrypt_all(
                value.hidden
                for variables in (self._inventory.hosts.values() if kind == HOST else groups)
                for path, value in concealed(variables)
                if value.hidden and (self._variables is None or path[0] in self._variables) and _needed(mapped, path)
            )

    def _group_record(self, mapped: ModelMap, name: str, parents: list[str]) -> Record:
        group = self._inventory.groups[name]
        own = {"name": name, "hosts": sorted(group.hosts), "children": sorted(group.children), "parents": parents}
        return self._record(mapped, GROUP, name, group.variables, own)

    def _record(self, mapped: ModelMap, kind: str, name: str, variables: Mapping[str, Any], own: dict[str, Any]) -> Record:
        if self._variables is not None:
            variables = {key: value for key, value in variables.items() if key in self._variables}
        if self._templates:
            variables = self._templates.applied(mapped, kind, name, variables)
        hidden = [path for path, _value in concealed(variables)]
        try:
            wanted = {path for path in hidden if _needed(mapped, path)}
            return {**shown(variables, (), wanted, self._vault), **own}
        except RecordProblem as problem:
            raise RecordProblem(f"{kind} {name}: {problem}") from problem

    def describe(self, mapped: ModelMap, record: Record) -> str:
        return f"{_place_of(mapped)[0]} {record['name']}"

    # ------------------------------------------------------------------ writing

    def _new_files(self) -> InventoryFiles:
        """Return the files of the inventory. Raises RecordProblem when it is none that is written."""
        if self._sources is None:
            raise RecordProblem("the inventory of the play cannot be written; name its file or directory as the source")
        source = Path(self._sources[0])
        if len(self._sources) > 1:
            raise RecordProblem("several inventories cannot be written at once; name one file or directory as the source")
        return InventoryFiles(source, self._vault)

    def _check_writable(self) -> None:
        if self._files is None:
            try:
                self._files = self._new_files()
            except RecordProblem as problem:
                told = f"{self.name} cannot be written: {problem}" if self._sources else str(problem)
                raise RecordProblem(told) from problem

    @property
    def _written(self) -> InventoryFiles:
        self._check_writable()
        if self._files is None:
            raise AssertionError("_check_writable() lets nobody through without files")
        return self._files

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        return [_caught(self._create, mapped, new.values) for new in records]

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        return [_caught(self._change, mapped, one.record, one.values) for one in records]

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        return [_caught(self._remove, mapped, record) for record in records]

    def _create(self, mapped: ModelMap, values: Values) -> Record:
        kind, group = _place_of(mapped)
        own, variables = _parted(kind, values)
        name = own.pop(("name",), None)
        if not isinstance(name, str):
            raise RecordProblem(f'a {kind} needs a "name", which no attribute is mapped onto')
        implied = (kind, name) in self._inventory.implied
        if not implied and self._is_there(kind, name):
            raise RecordProblem(f'there is a {kind} "{name}" already, which the mapping leaves out')
        before = self._inventory.members_of(kind, name)
        wanted = _members(before, own)
        if group is not None and not self._inventory.below(group).intersection(wanted["groups"]):
            wanted["groups"] = [*wanted["groups"], group]
        todo: list[Apply] = []
        if kind == GROUP:
            todo += [self._written.adding_group(name), *self._relating(name, before, wanted)]
        elif implied:
            todo.append(self._written.regrouping(name, before["groups"], wanted["groups"]))
        else:
            todo.append(self._written.adding_host(name, wanted["groups"]))
        variables = {path: value for path, value in variables.items() if value is not None or self._is_inherited(kind, path[0])}
        todo.append(self._written.setting(kind, name, variables, {}, _secret_paths(mapped)))
        return self._done(kind, name, before, wanted, {}, variables, todo)

    def _change(self, mapped: ModelMap, record: Record, values: Values) -> Record:
        kind, name = _place_of(mapped)[0], record["name"]
        own, variables = _parted(kind, values)
        new = own.pop(("name",), name)
        before = self._inventory.members_of(kind, name)
        renaming = None if new == name else self._renaming(kind, name, new, before.get("groups", ()))
        wanted, todo = _members(before, own), []
        if own and kind == HOST:
            todo.append(self._written.regrouping(name, before["groups"], wanted["groups"]))
            variables = {**self._kept(mapped, record, before["groups"], wanted["groups"]), **variables}
        elif own:
            todo += self._relating(name, before, wanted)
        there = self._inventory.variables_of(kind, name)
        todo.append(self._written.setting(kind, name, variables, there, _secret_paths(mapped)))
        done = self._done(kind, name, before, wanted, record, variables, todo)
        if renaming is None:
            return done
        renaming()
        self._inventory.rename(kind, name, new)
        return {**done, "name": new}

    def _renaming(self, kind: str, old: str, new: Any, groups: Iterable[str]) -> Apply:
        """Return what gives a host or group another name. Raises RecordProblem."""
        if not isinstance(new, str):
            raise RecordProblem(f'the {kind} "{old}" needs a name')
        if (kind, new) not in self._inventory.implied and self._is_there(kind, new):
            raise RecordProblem(f'the {kind} "{old}" cannot be renamed: there is a {kind} "{new}" already')
        return self._written.renaming(kind, old, new, groups)

    def _is_there(self, kind: str, name: str) -> bool:
        if kind == GROUP:
            return name in self._inventory.groups
        return name in self._inventory.hosts or name in self._others()

    def _kept(self, mapped: ModelMap, record: Record, before: Iterable[str], after: Iterable[str]) -> Values:
        """Return the mapped variables of a host that could become others with its groups, and have to stay."""
        moved = set(before).symmetric_difference(after)
        groups = {
            group for group, there in self._groups_with_variables().items() if moved.intersection(self._inventory.below(group))
        }
        affected = {name for group in groups for name in self._groups_with_variables()[group]}
        sources = {one.source for one in mapped.fields.values() if one.source is not None and one.written and one.write is None}
        return {
            source: None if read(record, source) is MISSING else read(record, source)
            for source in sorted(sources)
            if source[0] in affected
            and not self._written.defines(HOST, record["name"], source[0])
            and (self._templates is None or (HOST, record["name"], source) not in self._templates.unknown)
        }

    def _relating(self, name: str, before: Mapping[str, list[str]], wanted: Mapping[str, list[str]]) -> Iterator[Apply]:
        """Yield what gives a group other hosts, children and parents. Raises RecordProblem."""
        files, inventory = self._written, self._inventory
        for child, parent in (*((one, name) for one in wanted["children"]), *((name, one) for one in wanted["parents"])):
            if child == parent or (child in inventory.groups and parent in inventory.below(child)):
                raise RecordProblem(f'the group "{child}" cannot be a child of "{parent}", which is in it')
        for child in sorted({*before["children"], *wanted["children"]}):
            yield files.relating(child, [name] * (child in before["children"]), [name] * (child in wanted["children"]))
        yield files.relating(name, before["parents"], wanted["parents"])
        for host in sorted({*before["hosts"], *wanted["hosts"]}):
            yield files.regrouping(host, [name] * (host in before["hosts"]), [name] * (host in wanted["hosts"]))

    def _done(
        self,
        kind: str,
        name: str,
        before: Mapping[str, list[str]],
        wanted: Mapping[str, list[str]],
        record: Record,
        variables: Values,
        todo: Iterable[Apply],
    ) -> Record:
        """Make a change, and return the record as it is then."""
        for one in todo:
            one()
        self._inventory.relate(kind, name, before, wanted)
        there = self._inventory.variables_of(kind, name)
        found: dict[str, Any] = {**record, "name": name, **wanted}
        for path, value in variables.items():
            for holder in (there, found):
                kept = copied(holder.get(path[0])) if path[1:] else None
                holder[path[0]] = kept if isinstance(kept, dict) else None
                write(holder, path, value)
        return found

    def _remove(self, mapped: ModelMap, record: Record) -> None:
        kind, name = _place_of(mapped)[0], record["name"]
        if kind == GROUP:
            self._written.removing_group(name)()
        else:
            self._written.removing_host(name, self._inventory.groups_of(HOST, name))()
        self._inventory.remove(kind, name)

    def _groups_with_variables(self) -> dict[str, set[str]]:
        """Return group → names of the variables that it defines, as it was read."""
        if self._defined is None:
            groups = self._program.listed("--export").items()
            self._defined = {name: set(group.get("vars", ())) for name, group in groups if name != "_meta"}
        return self._defined

    def _is_inherited(self, kind: str, variable: str) -> bool:
        """Return whether a new host may have a variable by way of a group."""
        return kind == HOST and any(variable in names for names in self._groups_with_variables().values())

    def _others(self) -> set[str]:
        """Return the hosts that ``limit`` leaves out, and those that it does not."""
        if self._limited is None:
            self._limited = set() if self._limit is None else set(Inventory.of(self._program.listed(limit=None)).hosts)
        return self._limited

    def sync_complete(self, source: Any, diff: Any, flags: Any = None, logger: Any = None) -> None:
        """Write what was changed: all files, or none.

        Raises:
            NothingKept: nothing was written.
            RecordProblem: a file cannot be put in its place, or removed, after others were; the next load does that.
        """
        self._defined = self._limited = None
        self._inventory.implied.clear()
        if self._files is not None:
            self._files.commit()

    def roll_back(self) -> None:
        """Forget what was changed."""
        if self._files is not None:
            self._files.forget()


def _place_of(mapped: ModelMap) -> tuple[str, str | None]:
    """Return whether a model's records are hosts or groups, and the group that they have to be in. Raises DefinitionError."""
    place = mapped.place
    if isinstance(place.value, Mapping):
        dict(place.mapping(["group"]))
        return HOST, place.at("group").text()
    if place.value is None:
        return HOST, None
    return (HOST if place.one_of(("hosts", "groups")) == "hosts" else GROUP), None


def _needed(mapped: ModelMap, path: FieldPath) -> bool:
    """Return whether a value that was encrypted is needed. Raises RecordProblem when it would be shown."""
    hidden = mapped.model.get_sensitive_fields()
    found = [one for one in mapped.fields.values() if one.source is not None and _touches(one.source, path)]
    open_ones = [f"{mapped.name}.{one.name}" for one in found if one.name not in hidden]
    for one in mapped.parent.fields if mapped.parent is not None else ():
        if one.source is not None and _touches(one.source, path):
            open_ones.append(f"the parent of the {mapped.name}")
    if open_ones:
        raise RecordProblem(
            f'"{text_of_path(path)}" is kept encrypted by Ansible Vault, and {open_ones[0]} would show it; declare that attribute '
            "as secret, or map it onto something else"
        )
    if found:
        return True
    if any(_touches(where, path) for where in mapped.where):
        return True
    computed = [one.name for one in mapped.fields.values() if one.expression is not None]
    return bool(computed) and mapped.keep is None and mapped.drop is None and all(one in hidden for one in computed)


def _touches(left: FieldPath, right: FieldPath) -> bool:
    return all(one == other for one, other in zip(left, right))


def _secret_paths(mapped: ModelMap) -> set[FieldPath]:
    """Return the native fields that hold sensitive attributes."""
    fields = [mapped.fields[name] for name in mapped.model.get_sensitive_fields() if name in mapped.fields]
    return {path for one in fields for path in (one.write or ([one.source] if one.source else ()))}


def _parted(kind: str, values: Values) -> tuple[Values, Values]:
    """Return what is said of a host or group itself, and its variables. Raises RecordProblem."""
    own = {path: value for path, value in values.items() if path[0] in (OF_HOST if kind == HOST else OF_GROUP)}
    if any(path[0] == "group_names" for path in own):
        raise RecordProblem('"group_names" is computed and cannot be written; map the attribute onto "groups"')
    return own, {path: value for path, value in values.items() if path not in own}


def _members(record: Record, own: Values) -> dict[str, list[str]]:
    """Return the groups, hosts, children and parents that a record is to have. Raises RecordProblem."""
    found: dict[str, list[str]] = {name: [*record[name]] for name in (*OF_HOST, *OF_GROUP) if name in record and name != "name"}
    for path, value in own.items():
        if path[0] == "name":
            continue
        if path[1:] and (len(path) > 2 or not path[1].isdigit()):
            raise RecordProblem(f'"{text_of_path(path)}" cannot be written: "{path[0]}" is a list of names')
        if path[1:]:
            place = int(path[1])
            found[path[0]][place : place + 1] = [] if value is None else [value]
        else:
            found[path[0]] = [] if value is None else value
        names = found[path[0]]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise RecordProblem(f'"{path[0]}" should be a list of names')
        found[path[0]] = sorted(set(names) - {ALL, UNGROUPED})
    return found


def _caught(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns, or the exception that it raises about a record."""
    try:
        return work(*arguments)
    except (RecordProblem, LibraryMissing) as error:
        return error
