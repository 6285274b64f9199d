# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The container of loaded objects, by model and identity; comparison is not part of it."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from .._util.gc import relaxed_collector, relaxed_gc
from ..exceptions import ObjectNotFound, ObjectStoreWrongType
from ..flags import DSyncAction
from ..model.model import DSyncModel, fields_of, set_owner
from .bulk_load import add_rows
from .data_form import nested_uids, objects_of
from .declared_models import check_model, check_top_level, is_model, same_id, subtree, tree_lines
from .memory_store import MemoryStore
from .store import BaseStore, taken

if TYPE_CHECKING:
    from ..model.declaration import Unique

    ModelArgument: TypeAlias = "str | DSyncModel | type[DSyncModel]"
    """A model, given by its name, its class, or one of its objects."""

Dict = dict  # the class below has methods called dict and str
Text = str


class Dataset:
    """The objects of a dataset, and the classes of their models.

    A subclass names its model classes as class attributes, lists the root models in ``top_level``, and adds its objects in
    :meth:`load`.

    Args:
        name: display name of the dataset in messages. Defaults to the class's ``type``.
        internal_storage_engine: a store, or the class of one, for the loaded objects.
    """

    type: Text | None = None
    """The kind of dataset. Defaults to the name of the class."""

    name: Text
    """Display name of the dataset in messages."""

    top_level: ClassVar[list[Text]] = []
    """Names of the root models, in processing order; all others are reached as children."""

    store: BaseStore
    """The store of the objects."""

    load_warnings: list[Text]
    """Warnings about objects or values that :meth:`load` skipped or did not find; a comparison shows them."""

    unmanaged: dict[Text, frozenset[Text]]
    """Model name → attributes for which :meth:`load` found no field; a comparison with this source does not change them."""

    unknown_values: dict[Text, dict[Text, frozenset[Text]]]
    """Model name → unique id → attributes of that object of which :meth:`load` could not find out the value; a comparison neither
    compares nor changes them, whichever side this is."""

    kept_values: dict[Text, dict[Text, dict[Text, Text]]]
    """Model name → unique id → attribute of that object → why it must not be changed; it is compared and shown."""

    unclear: dict[Text, dict[Text, Text]]
    """Model name → unique id → why :meth:`load` did not load what the system has of that identity, such as two objects that it does
    not distinguish; in a comparison, nothing of that identity is created, deleted or moved."""

    unread: dict[Text, int]
    """Model name → number of objects that :meth:`load` left out, since the system itself found them the same on the other side;
    they count, and are in no store (:meth:`.adapter.DSync.narrow`)."""

    _reserved: ClassVar[frozenset[Text]] = frozenset()
    """Names of methods and attributes of every adapter, which no model may have."""

    # ------------------------------------------------------------------ the class and its instances

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in vars(cls).items():
            if is_model(value):
                check_model(cls, cls._reserved, name, value)
        if isinstance(vars(cls).get("load"), FunctionType):
            cls.load = relaxed_gc(cls.load)  # type: ignore[method-assign]  # the same, relaxed_gc
        check_top_level(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Dataset:
        """Create a dataset that is usable even if a subclass's ``__init__`` does not call this class's."""
        instance = super().__new__(cls)
        instance.type = cls.type or cls.__name__
        instance.name = getattr(cls, "name", None) or instance.type
        instance.store = MemoryStore()
        instance.load_warnings = []
        instance.unmanaged = {}
        instance.unknown_values = {}
        instance.kept_values = {}
        instance.unclear = {}
        instance.unread = {}
        return instance

    def __init__(
        self,
        name: Text | None = None,
        internal_storage_engine: BaseStore | Callable[[], BaseStore] | None = None,
    ) -> None:
        if name:
            self.name = name
        if internal_storage_engine is not None:
            given = internal_storage_engine
            self.store = given if isinstance(given, BaseStore) else given()

    def __setstate__(self, state: Dict[Text, Any]) -> None:
        """Restore a copied or unpickled dataset, whose objects do not refer to it yet."""
        self.__dict__.update(state)
        for modelname in self.store.model_names():
            for obj in self.store.objects(modelname):
                if obj.dsync is None:
                    set_owner(obj, self)

    def warn(self, sentence: Text) -> None:
        """Add a sentence that names the place to :attr:`load_warnings`; an empty one is ignored."""
        if sentence:
            self.load_warnings.append(f"{self.name}: {sentence}")

    def __str__(self) -> Text:
        return Text(self.type) if self.type == self.name else f'{self.type} "{self.name}"'

    def __repr__(self) -> Text:
        return f"<{self}>"

    def __len__(self) -> int:
        """Number of objects of all models."""
        return self.store.count()

    def __bool__(self) -> bool:
        """A dataset is always true, even if it is empty."""
        return True

    @classmethod
    def models(cls) -> Dict[Text, builtins.type[DSyncModel]]:
        """Return model name → class of every declared model: the top-level ones first, then the others as declared."""
        found: Dict[Text, Any] = {name: getattr(cls, name, None) for name in cls.top_level}
        for ancestor in reversed(cls.__mro__):
            found.update({name: getattr(cls, name) for name in vars(ancestor) if name not in found})
        return {name: value for name, value in found.items() if is_model(value)}

    def unique_fields(self, model: Text) -> Iterable[Unique]:
        """Return the fields of which the system lets no two objects of a model have the same values.

        Without override these are the ones that the model declares; a system that knows more of it may say so. To be called when
        the dataset is loaded.
        """
        return self.models()[model]._declaration.uniques()

    @classmethod
    def get_tree_traversal(cls, as_dict: bool = False) -> Text | Dict[Text, Any]:
        """Return the models as a tree, in the order in which they are compared.

        Args:
            as_dict: return nested dicts of model names instead of a string.
        """
        models = cls.models()
        tree = {name: subtree(name, models, ()) for name in cls.top_level}
        return tree if as_dict else "\n".join([cls.__name__, *tree_lines(tree, "")])

    # ------------------------------------------------------------------ for subclasses to override

    def load(self) -> None:
        """Load all objects. The base class does nothing."""

    def holds(self, model: Text, unique_id: Text) -> bool:
        """Return whether the dataset has an object to which a reference refers.

        An adapter that does not load all objects overrides this, and queries its system for objects that it has not loaded. It is
        called after loading and before anything is written.

        Args:
            model: the model's name.
            unique_id: the object's unique id.
        """
        return self.store.find(model, unique_id) is not None

    def refuses(self, model: Text, action: DSyncAction) -> Text:
        """Return why objects of a model cannot be changed in this way, as part of a sentence; an empty string if they can.

        A dry run calls this on a loaded dataset, to report why a run would be refused. It does no I/O. A subclass
        that has no reason to refuse returns the result of this method: no object can be created without a value for a required
        attribute that is read-only, unless its class overrides ``create``.

        Args:
            model: the model's name.
            action: create, update or delete; for a move by a model that can move objects, move.
        """
        kind = self._known_class(model)
        lacking = kind.uncreatable() if kind is not None and action == DSyncAction.CREATE else ()
        if not lacking:
            return ""
        return f"{', '.join(lacking)} of {model} is read-only and has no default, so no {model} can be created; give it a default"

    def can_move(self, model: Text) -> bool:
        """Return whether the system itself can move an object of a model to another parent, with all objects below it.

        Otherwise the object is deleted and created again. The base class returns whether the model's class defines ``move``
        or ``move_many``; a subclass may return False for models that have such a class and cannot be moved nevertheless.

        Args:
            model: the model's name.
        """
        kind = self._known_class(model)
        return kind is not None and (kind.overrides("move") or kind.overrides("move_many"))

    def can_rename(self, model: Text) -> bool:
        """Return whether the system gives an object of a model other identifiers by itself; otherwise as :meth:`can_move`."""
        kind = self._known_class(model)
        return kind is not None and (kind.overrides("move") or kind.overrides("move_many"))

    def renamed(self, obj: DSyncModel, before: Text) -> None:
        """Keep an object that has other identifiers now under its new unique id. Objects that list it as a child are not changed.

        A subclass that keeps something of its own by unique id overrides this, and calls it.

        Args:
            obj: the object.
            before: the unique id that it had.
        """
        self.store.discard(obj.get_type(), before)
        self.update(obj)

    def without_empty(self, model: Text) -> frozenset[Text]:
        """Return the attributes of a model in which the system keeps null for an empty string: in that target, the two are no
        difference. The base class returns none.

        Args:
            model: the model's name.
        """
        return frozenset()

    def equal_spellings(self, model: Text) -> Mapping[Text, Callable[[Text], Text]]:
        """Return identifier → function that returns one string for all spellings that the system takes for the same, such as R1 and
        r1 in a table that ignores case. An object of the source is then the object of this target with another spelling, which is
        renamed. The base class returns none. It does no I/O.

        Args:
            model: the model's name.
        """
        return {}

    # ------------------------------------------------------------------ the objects

    def add(self, obj: DSyncModel) -> None:
        """Add an object; adding the same Python object again does nothing.

        Raises:
            ObjectAlreadyExists: there is another object with that identity, even an equal one.
            ObjectStoreWrongType: the object is not of the class that this dataset declares for its model.
        """
        if not isinstance(obj, DSyncModel):
            raise ObjectStoreWrongType(f"{self.name} cannot hold a {obj.__class__.__name__}: it is not a DSyncModel")
        modelname, uid = obj._modelname, obj.get_unique_id()
        declared = getattr(self, modelname, None)
        if declared is not obj.__class__:
            self._check_kind(obj, declared)
        kept = self.store.put_new(modelname, uid, obj)
        if kept is not obj:
            raise taken(self.name, kept, obj)
        if obj._children:
            self.settle_children(obj)
        set_owner(obj, self)

    def settle_children(self, obj: DSyncModel) -> None:
        """Replace the ids of an object's children, as given to its constructor, with the spelling of the children's own ids."""
        for modelname, field in obj._children.items():
            same = same_id(getattr(self, modelname, None))
            uids = fields_of(obj).get(field)
            if same is not None and uids:
                fields_of(obj)[field] = [same(uid) for uid in uids]

    def add_rows(
        self,
        model: ModelArgument,
        rows: Iterable[Mapping[Text, Any]],
        parent: ModelArgument | None = None,
        parent_ids: Mapping[Text, Text] | None = None,
    ) -> int:
        """Add an object for each plain dict in bulk, faster than one by one (see docs/benchmarks.md).

        ::

            self.add_rows("site", [{"name": "nyc", "contact_phone": "555-0100"}])
            self.add_rows("device", rows, parent="site", parent_ids={"name": "site_name"})

        Args:
            model: the model of the objects; its class is this dataset's class attribute of that name.
            rows: field name → value; keys that are not fields are ignored. Read in batches, and not changed; may be endless.
            parent: the model of the objects' parents, which were added before; None if they have no parents.
            parent_ids: identifier of the parent → key of a row that holds its value; the value of a key that is also a field of
                the model is validated.

        Returns:
            The number of objects that were added.

        Raises:
            pydantic.ValidationError: a row does not fit the model; it names the object.
            ObjectAlreadyExists: an object with that identity exists, or a row occurs twice.
            ObjectNotFound: the parent of a row does not exist, or the row does not name it.
            ObjectStoreWrongType: the model is not declared here, or is not a child of the parent's.
            ValueError: ``parent_ids`` does not name exactly the parent's identifiers.

        If a row is wrong, none of its batch of :data:`.bulk_load.BATCH` rows is added; earlier batches are.
        """
        with relaxed_collector():
            return add_rows(self, self._class(model), rows, None if parent is None else self._class(parent), parent_ids or {})

    def _class(self, model: ModelArgument) -> builtins.type[DSyncModel]:
        modelname = self._modelname(model)
        try:
            return self.models()[modelname]
        except KeyError:
            known = ", ".join(self.models()) or "none"
            raise ObjectStoreWrongType(f'{self.name} has no model "{modelname}" (it has: {known})') from None

    def _check_kind(self, obj: DSyncModel, declared: Any) -> None:
        if is_model(declared) and not isinstance(obj, declared):
            raise ObjectStoreWrongType(
                f"{self.name} holds {obj.get_type()} objects of class {declared.__name__}, not {obj.__class__.__name__}: {obj!r}"
            )

    def update(self, obj: DSyncModel) -> None:
        """Store ``obj``, replacing any other object with its identity."""
        self.store.put(obj.get_type(), obj.get_unique_id(), obj)
        set_owner(obj, self)

    def remove(self, obj: DSyncModel, remove_children: bool = False) -> None:
        """Remove an object from the dataset.

        Args:
            obj: the object.
            remove_children: also remove its children, and theirs.

        Raises:
            ObjectNotFound: it does not exist.
        """
        if not self.store.discard(obj.get_type(), obj.get_unique_id()):
            raise ObjectNotFound(f"{self.name} has no {obj!r}")
        set_owner(obj, None)
        if not remove_children:
            return
        for modelname, field in obj.get_children_mapping().items():
            for uid in getattr(obj, field) or ():
                child = self.store.find(modelname, uid)
                if child is not None:
                    self.remove(child, remove_children=True)

    def get(self, obj: ModelArgument, identifier: Text | Dict[Text, Any]) -> DSyncModel:
        """Return an object.

        Args:
            obj: its model.
            identifier: its unique id, or a dict of its identifiers.

        Raises:
            ObjectNotFound: it does not exist.
            ValueError: ``identifier`` is a dict and ``obj`` a model name without a class in this dataset.
        """
        modelname, uid = self._key(obj, identifier)
        found = self.store.find(modelname, uid)
        if found is None:
            raise ObjectNotFound(f'{self.name} has no {modelname} "{uid}"')
        return found

    def get_or_none(self, obj: ModelArgument, identifier: Text | Dict[Text, Any]) -> DSyncModel | None:
        """Return an object, or None if it does not exist; otherwise as :meth:`get`."""
        return self.store.find(*self._key(obj, identifier))

    def get_all(self, obj: ModelArgument) -> list[DSyncModel]:
        """Return a new list of all objects of a model, in the order in which they were added."""
        return self.store.objects(self._modelname(obj))

    def get_by_uids(self, uids: list[Text], obj: ModelArgument) -> list[DSyncModel]:
        """Return the objects of a model with these unique ids, in their order.

        Raises:
            ObjectNotFound: one of them does not exist.
        """
        same = same_id(getattr(self, obj, None) if isinstance(obj, Text) else obj)
        return [*self.store.objects_of(self._modelname(obj), uids if same is None else map(same, uids))]

    def get_all_model_names(self) -> set[Text]:
        """Return the names of the models that have objects."""
        return set(self.store.model_names())

    def count(self, model: ModelArgument | None = None) -> int:
        """Return the number of objects of a model, or of all; those that were not read (:attr:`unread`) are included."""
        if model is None:
            return self.store.count() + sum(self.unread.values())
        name = self._modelname(model)
        return self.store.count(name) + self.unread.get(name, 0)

    def get_or_instantiate(
        self, model: builtins.type[DSyncModel], ids: Dict[Text, Any], attrs: Dict[Text, Any] | None = None
    ) -> tuple[DSyncModel, bool]:
        """Return the object with these identifiers, created with ``attrs`` and added if it did not exist, and whether it was."""
        found = self.get_or_none(model, ids)
        if found is not None:
            return found, False
        made = model(**ids, **(attrs or {}))
        self.add(made)
        return made, True

    def get_or_add_model_instance(self, obj: DSyncModel) -> tuple[DSyncModel, bool]:
        """Return the object with the identity of ``obj``, which is added if there is none, and whether it was added."""
        found = self.store.find(obj.get_type(), obj.get_unique_id())
        if found is not None:
            return found, False
        self.add(obj)
        return obj, True

    def update_or_instantiate(
        self, model: builtins.type[DSyncModel], ids: Dict[Text, Any], attrs: Dict[Text, Any]
    ) -> tuple[DSyncModel, bool]:
        """Return the object with these identifiers, updated or created with ``attrs``, and whether it was created."""
        found, made = self.get_or_instantiate(model, ids, attrs)
        if not made:
            found.update_base(attrs)
            self.update(found)
        return found, made

    def update_or_add_model_instance(self, obj: DSyncModel) -> tuple[DSyncModel, bool]:
        """Return the object with the identity of ``obj``, updated with the attributes of ``obj``, and whether it was added;
        ``obj`` is added if there is none."""
        found, added = self.get_or_add_model_instance(obj)
        if not added and found is not obj:
            found.update_base(obj.get_attrs())
            self.update(found)
        return found, added

    @staticmethod
    def _modelname(obj: ModelArgument) -> Text:
        return obj if isinstance(obj, Text) else obj.get_type()

    def _known_class(self, obj: ModelArgument) -> builtins.type[DSyncModel] | None:
        """Return the class of a model, or None if it is a name without a class in this dataset."""
        if isinstance(obj, Text):
            found = getattr(type(self), obj, None)
            return found if is_model(found) else None
        return obj if isinstance(obj, type) else type(obj)

    def _key(self, obj: ModelArgument, identifier: Text | Dict[Text, Any]) -> tuple[Text, Text]:
        modelname = self._modelname(obj)
        if isinstance(identifier, Text):
            same = same_id(getattr(self, obj, None) if isinstance(obj, Text) else obj)
            return modelname, identifier if same is None else same(identifier)
        cls = self._known_class(obj)
        if cls is None:
            raise ValueError(f'{self.name} has no model "{modelname}", so its identifiers cannot be made into a unique id')
        return modelname, cls.create_unique_id(**identifier)

    # ------------------------------------------------------------------ as text and as data

    def load_from_dict(self, data: Dict[Text, Dict[Text, Dict[Text, Any]]]) -> None:
        """Add the objects of ``{model: {unique id: {field: value}}}``, as :meth:`dict` gives it with ``show_sensitive=True``.

        Args:
            data: the objects' values; not changed.

        Raises:
            ObjectStoreWrongType: a model of the data is not declared here; nothing was added.
            RecordError: a sensitive value is masked, as in the result of :meth:`dict` by default; nothing was added.
            pydantic.ValidationError: values do not fit their model; nothing was added.
            ObjectAlreadyExists: an object with that identity exists; the objects before it were added.
        """
        for obj in objects_of(data, self.models(), self.name):
            self.add(obj)

    def str(self, indent: int = 0) -> Text:
        """Return all objects as indented text, sensitive values masked."""
        lines = []
        for modelname in self.top_level:
            nested = nested_uids(self.store, modelname)
            objs = [obj for obj in self.get_all(modelname) if obj.get_unique_id() not in nested]
            lines.append(f"{' ' * indent}{modelname}{'' if objs else ': []'}")
            lines.extend(obj.str(indent=indent + 2) for obj in objs)
        return "\n".join(lines)

    def dict(
        self, exclude_defaults: bool = True, *, show_sensitive: bool = False, **kwargs: Any
    ) -> Dict[Text, Dict[Text, Dict[Text, Any]]]:
        """Return all objects as ``{model: {unique id: {field: value}}}``, sensitive values masked.

        Args:
            exclude_defaults: omit fields that have their default value.
            show_sensitive: do not mask sensitive values.
            kwargs: as for pydantic's ``model_dump``.
        """
        options = {"exclude_defaults": exclude_defaults, "show_sensitive": show_sensitive, **kwargs}
        return {
            modelname: {obj.get_unique_id(): obj.dict(**options) for obj in self.get_all(modelname)}
            for modelname in self.store.model_names()
        }
